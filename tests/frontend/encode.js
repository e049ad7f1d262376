/** Writes a container as http_api.md describes it, without the decoder's help. */
export function encode(arrays, more = {}) {
  const described = {};
  const parts = [];
  let offset = 0;
  for (const [name, [array, shape]] of Object.entries(arrays)) {
    const dtype = { Float32Array: "float32", Int32Array: "int32", Uint16Array: "uint16", Uint8Array: "uint8" }[array.constructor.name];
    const bytes = new Uint8Array(Math.ceil(array.byteLength / 8) * 8);
    bytes.set(new Uint8Array(array.buffer));
    described[name] = { dtype, shape, offset };
    parts.push(bytes);
    offset += bytes.length;
  }
  let json = JSON.stringify({ arrays: described, ...more });
  while ((new TextEncoder().encode(json).length + 4) % 8) json += " ";
  const header = new TextEncoder().encode(json);
  const out = new Uint8Array(4 + header.length + offset);
  new DataView(out.buffer).setUint32(0, header.length, true);
  out.set(header, 4);
  let at = 4 + header.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out.buffer;
}
