/** Regions that the user drew on a picture, and their form in the URL. Pure. */

/** @typedef {import("./types.d.ts").Area} Area */

const MOST = 8;

/**
 * @param {string} text  "name:3:0,0,8,0,8,8;name::…": name, the one probe or nothing, x and y of the polygon's corners
 * @returns {Area[] | undefined} undefined for a text that can't be read
 */
export function readAreas(text) {
  if (!text) return [];
  const areas = text.split(";").slice(0, MOST).map((part) => {
    const [name, probe, corners] = part.split(":");
    const points = (corners ?? "").split(",").map(Number);
    return { name: decodeURIComponent(name), probe: probe ? Number(probe) : null, points };
  });
  const sound = areas.every(({ name, probe, points }) => name && (probe === null || Number.isInteger(probe)) && points.length >= 6 && points.length % 2 === 0 && points.every(Number.isFinite));
  return sound ? areas : undefined;
}

/** @param {Area[]} areas */
export function writeAreas(areas) {
  return areas.map(({ name, probe, points }) => [encodeURIComponent(name), probe ?? "", points.join(",")].join(":")).join(";");
}

/**
 * A polygon as the server's `share` route takes it.
 * @param {Area} area
 */
export function areaArgument({ points }) {
  return points.join(",");
}
