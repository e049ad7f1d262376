/** Caches a result per object for as long as the object lives: loaded records never change. */

/**
 * @template {object} K
 * @template V
 * @param {(object: K) => V} work
 * @returns {(object: K) => V}
 */
export function memo(work) {
  /** @type {WeakMap<K, {value: V}>} */
  const known = new WeakMap();
  return (object) => {
    let entry = known.get(object);
    if (!entry) {
      entry = { value: work(object) };
      known.set(object, entry);
    }
    return entry.value;
  };
}
