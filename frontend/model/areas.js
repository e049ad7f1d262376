/** Regions that the user drew on a picture, made of players, or asked for by name: their parts, their names, their form in the URL. Pure. */

/** @typedef {import("../types.d.ts").Area} Area */

/** Areas at a time: each costs a curve. */
export const MOST_AREAS = 8;
export const LONGEST_NAME = 40;
const MOST_CORNERS = 60;

/**
 * @param {string} text  "name:3:0,0,8,0,8,8;name::…": name, the one probe or nothing, x and y of the polygon's corners; or p and numbers of players;
 *   or n and names of features, groups, tokens
 * @returns {Area[] | undefined} undefined for a text that can't be read
 */
export function readAreas(text) {
  if (!text) return [];
  /** @type {Area[]} */
  const areas = text.split(";").slice(0, MOST_AREAS).map((part) => {
    const [name, probe, corners] = part.split(":");
    if (corners?.startsWith("n")) return { name: decodeURIComponent(name), probe: probe ? Number(probe) : null, points: [], names: corners.slice(1).split(",").map(decodeURIComponent) };
    const numbers = (corners ?? "").replace(/^p/, "").split(",").map(Number);
    const area = { name: decodeURIComponent(name), probe: probe ? Number(probe) : null };
    return corners?.startsWith("p") ? { ...area, points: [], players: numbers } : { ...area, points: numbers };
  });
  if (new Set(areas.map(({ name }) => name)).size < areas.length) return undefined;
  const sound = areas.every(({ name, probe, points, players, names }) => {
    const drawn = names ? names.every(Boolean) : players ? players.length > 0 && players.every((player) => Number.isInteger(player) && player >= 0) : points.length >= 6 && points.length % 2 === 0 && points.every(Number.isFinite);
    return name && (probe === null || Number.isInteger(probe)) && drawn;
  });
  return sound ? areas : undefined;
}

/** @param {Area[]} areas */
export function writeAreas(areas) {
  return areas.map(({ name, probe, points, players, names }) => [encodeURIComponent(name), probe ?? "", names ? `n${names.map(encodeURIComponent).join(",")}` : players ? `p${players.join(",")}` : points.join(",")].join(":")).join(";");
}

/**
 * What an area is made of, as the server's `share` route takes it.
 * @param {Area} area
 * @returns {Record<string, string>}
 */
export function areaArguments({ points, players, names }) {
  if (names) return { names: names.map(encodeURIComponent).join(",") };
  return players ? { players: players.join(",") } : { area: points.join(",") };
}

/**
 * The regions of a run besides its declared ones, as the routes of whole runs take them: those that all its probes have.
 * @param {Area[]} areas
 * @param {import("../types.d.ts").ProbeSetInfo} probes
 * @param {import("../types.d.ts").ProbeSetInfo} [others]  of a run that stands beside it, which may have regions of its own
 * @returns {Record<string, string>}
 */
export function askedArguments(areas, probes, others = probes) {
  const asked = areas.filter((area) => area.probe === null && (fits(area, probes) || fits(area, others))).map((area) => ({ name: area.name, ...areaArguments(area) }));
  return asked.length ? { asked: JSON.stringify(asked) } : {};
}

/**
 * Corners of the drawn region that is outlined on a probe's pictures; null where none is.
 * @param {Area[]} areas
 * @param {string} region  that is selected
 * @param {number} probe
 */
export function outlined(areas, region, probe) {
  return areas.find((area) => area.name === region && area.points.length > 0 && (area.probe === null || area.probe === probe))?.points ?? null;
}

/**
 * The corners of a rectangle, on the edges of the pixels that two points lie in.
 * @param {number[]} from  x, y in pixels of the image
 * @param {number[]} to
 * @param {number} width  of the image
 * @param {number} height
 */
export function box([x1, y1], [x2, y2], width, height) {
  const inside = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(most, Math.max(0, value));
  const left = inside(Math.floor(Math.min(x1, x2)), width - 1);
  const top = inside(Math.floor(Math.min(y1, y2)), height - 1);
  const right = inside(Math.max(left + 1, Math.ceil(Math.max(x1, x2))), width);
  const bottom = inside(Math.max(top + 1, Math.ceil(Math.max(y1, y2))), height);
  return [left, top, right, top, right, bottom, left, bottom];
}

/**
 * A line drawn by hand with few corners: those that matter most stay (Douglas & Peucker, 1973).
 * @param {number[]} points  x, y, x, y, … in pixels of the image
 * @param {number} size  of the image's longer side
 * @returns {number[]} to a tenth of a pixel
 */
export function simplified(points, size) {
  let tolerance = size / 200;
  let kept = points;
  do {
    kept = thinned(points, tolerance);
    tolerance *= 1.5;
  } while (kept.length > 2 * MOST_CORNERS);
  return kept.map((value) => Math.round(value * 10) / 10);
}

/** @type {(points: number[], tolerance: number) => number[]} */
function thinned(points, tolerance) {
  const last = points.length / 2 - 1;
  if (last < 2) return points;
  let [far, distance] = [0, -1];
  for (let i = 1; i < last; i++) {
    const away = distanceFrom(points, i, last);
    if (away > distance) [far, distance] = [i, away];
  }
  const ends = [points[0], points[1], points[2 * last], points[2 * last + 1]];
  if (distance <= tolerance) return ends;
  return [...thinned(points.slice(0, 2 * far + 2), tolerance), ...thinned(points.slice(2 * far), tolerance).slice(2)];
}

/**
 * How far corner i is from the line between the first and the last.
 * @param {number[]} points
 * @param {number} i
 * @param {number} last
 */
function distanceFrom(points, i, last) {
  const [x, y] = [points[2 * i] - points[0], points[2 * i + 1] - points[1]];
  const [dx, dy] = [points[2 * last] - points[0], points[2 * last + 1] - points[1]];
  const length = Math.hypot(dx, dy);
  return length > 0 ? Math.abs(x * dy - y * dx) / length : Math.hypot(x, y);
}

/**
 * Whether a polygon covers a pixel of an image: as the server has it, by the pixel's centre and the even-odd rule.
 * @param {number[]} points
 * @param {number} width  of the image
 * @param {number} height
 */
export function covers(points, width, height) {
  const [top, bottom] = [Math.min, Math.max].map((end) => end(...points.filter((_, i) => i % 2)));
  for (let row = Math.max(0, Math.floor(top)); row < Math.min(height, bottom); row++) {
    const y = row + 0.5;
    const crossings = [];
    for (let i = 0; i < points.length; i += 2) {
      const next = (i + 2) % points.length;
      const [y1, y2] = [points[i + 1], points[next + 1]];
      if (y1 <= y !== y2 <= y) crossings.push(points[i] + ((y - y1) * (points[next] - points[i])) / (y2 - y1));
    }
    crossings.sort((one, other) => one - other);
    for (let i = 0; i < crossings.length; i += 2) {
      const first = Math.max(0, Math.ceil(crossings[i] - 0.5));
      if (first + 0.5 < crossings[i + 1] && first < width) return true;
    }
  }
  return false;
}

/**
 * Whether a run has anything to count in an area: a link or another probe set may bring one that lies outside its images.
 * @param {Area} area
 * @param {import("../types.d.ts").ProbeSetInfo} probes
 */
export function fits({ probe, points, players: chosen, names }, { kind, count, players, width = 0, height = 0, player_names: groups, features }) {
  if (probe !== null && probe >= count) return false;
  // Only the server knows the tokens of all texts.
  if (names) return kind === "tabular" ? names.some((name) => groups?.includes(name) || features?.includes(name)) : kind !== "image";
  const most = probe === null ? Math.max(...players) : players[probe];
  return chosen ? kind !== "image" && chosen.every((player) => player < most) : kind === "image" && covers(points, width, height);
}

/**
 * A name that nothing else has: the wanted one, or the wanted one with a number.
 * @param {string} wanted
 * @param {string[]} taken
 */
export function freeName(wanted, taken) {
  const short = wanted.trim().slice(0, LONGEST_NAME);
  if (short && !taken.includes(short)) return short;
  const stem = short ? `${short} ` : "area ";
  for (let number = short ? 2 : 1; ; number++) if (!taken.includes(stem + number)) return stem + number;
}
