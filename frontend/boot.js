/**
 * The script of a report (`tb-xai export RUN --to report.html`), which has the page and its records packed in its own file. A classic script, because
 * browsers load no module from a disk: it makes the page's modules, which are those that TensorBoard loads, available under their paths.
 */
(async () => {
  /** @type {(id: string) => string} */
  const packedIn = (id) => document.getElementById(id)?.textContent ?? "";

  /** @type {(packed: string) => Promise<ArrayBuffer>} from base64 and gzip */
  async function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  }

  /** @type {(packed: string) => Promise<any>} */
  const json = async (packed) => JSON.parse(new TextDecoder().decode(await unpack(packed)));

  try {
    /** @type {Record<string, string>} */
    const files = await json(packedIn("files"));
    /** @type {Record<string, string>} */
    const imports = {};
    for (const [path, text] of Object.entries(files)) {
      if (path.endsWith(".js")) imports[`xai/${path}`] = URL.createObjectURL(new Blob([text, `\n//# sourceURL=xai/${path}`], { type: "text/javascript" }));
    }
    const map = document.createElement("script");
    map.type = "importmap";
    map.textContent = JSON.stringify({ imports });
    document.head.append(map);
    const archive = { ...(await json(packedIn("requests"))), bodies: JSON.parse(packedIn("bodies")) };
    const { open } = await import("xai/report.js");
    open(files, archive, unpack);
  } catch (error) {
    const opening = document.getElementById("opening");
    const words = typeof DecompressionStream === "undefined" ? "This browser is too old for the report: open it in Chrome or Edge 89, Firefox 113, Safari 16.4, or newer." : `The report could not be opened: ${error instanceof Error ? error.message : String(error)}`;
    if (opening) opening.textContent = words;
  }
})();
