/** Short names of runs: their common beginning is shown once, not in every caption. Pure. */

// A shared beginning of the last part ("cnn-lr0.1", "cnn-lr0.2") is left out from this many characters.
const LEAST_SHARED = 12;

/**
 * What all names begin with, cut where a part of a path or a long word ends; "" for one name alone.
 * @param {string[]} names
 */
export function sharedBeginning(names) {
  if (names.length < 2) return "";
  let end = 0;
  const shortest = Math.min(...names.map((name) => name.length));
  while (end < shortest && names.every((name) => name[end] === names[0][end])) end++;
  // Of each name something stays.
  const shared = names[0].slice(0, Math.min(end, shortest - 1));
  const folder = shared.slice(0, shared.lastIndexOf("/") + 1);
  const word = shared.slice(0, Math.max(...["/", "-", "_", " "].map((mark) => shared.lastIndexOf(mark))) + 1);
  return word.length - folder.length >= LEAST_SHARED ? word : folder;
}

/**
 * Names without the folders that they begin and end with: "tuned/0/execution0" beside "tuned/2/execution0" is "0/…". Of one name alone, `beginning` is left out.
 * @param {string[]} names
 * @param {string} beginning  that all runs share
 */
export function tellApart(names, beginning) {
  const shared = names.length < 2 ? beginning : sharedBeginning(names);
  const rests = names.map((name) => shortName(name, shared));
  const parts = rests.map((rest) => rest.split("/"));
  let same = 0;
  if (names.length > 1) while (parts.every((own) => same + 1 < own.length && own[own.length - 1 - same] === parts[0][parts[0].length - 1 - same])) same++;
  return same ? parts.map((own) => `${own.slice(0, own.length - same).join("/")}/…`) : rests;
}

/**
 * @param {string} name
 * @param {string} shared
 */
export function shortName(name, shared) {
  return name.startsWith(shared) ? name.slice(shared.length) : name;
}

// Names of a sweep differ at their end.
const LONGEST = 22;

/**
 * A long name without its middle.
 * @param {string} name
 * @param {number} [most]  characters that stay, the ellipsis included
 */
export function middle(name, most = LONGEST) {
  const characters = [...name];
  if (characters.length <= most) return name;
  const end = Math.ceil((most - 1) / 2);
  return `${characters.slice(0, most - 1 - end).join("")}…${characters.slice(-end).join("")}`;
}

// Characters of a name that stay at its end, and up to which it is short enough to lose its end only.
const KEPT_END = 8;
const SHORT = 14;

/** @type {{segment(text: string): Iterable<{segment: string}>} | null} what a reader calls a letter; a flag is made of several characters */
const letters = typeof Intl.Segmenter === "function" ? new Intl.Segmenter() : null;

/**
 * Where a name may lose its middle.
 * @param {string} name
 * @returns {[string, string]} together they are the name; the second is "" where the name is short
 */
export function halves(name) {
  if (name.length <= SHORT) return [name, ""];
  const characters = letters ? Array.from(letters.segment(name), ({ segment }) => segment) : [...name];
  if (characters.length <= SHORT) return [name, ""];
  return [characters.slice(0, -KEPT_END).join(""), characters.slice(-KEPT_END).join("")];
}

/**
 * A name that fits: whole; else its first words by what they begin with, as the last ones tell features apart ("w. texture"); else without its middle.
 * @param {string} name
 * @param {number} room  px
 * @param {(text: string) => number} wide  px of a text
 */
export function fitting(name, room, wide) {
  if (wide(name) <= room) return name;
  const words = name.split(/[\s_-]+/u).filter(Boolean);
  for (let short = 1; short < words.length; short++) {
    const written = [...words.slice(0, short).map((word) => `${[...word][0]}.`), ...words.slice(short)].join(" ");
    if (wide(written) <= room) return written;
  }
  let letters = [...name].length - 1;
  while (letters > 3 && wide(middle(name, letters)) > room) letters -= 1;
  return middle(name, letters);
}

// Of Hebrew, Arabic and the scripts beside them.
const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * Words with names in quotation marks, each name of its own direction: one in Arabic leaves the marks, and the names beside it, where they are.
 * @param {string} words
 */
export const quotedApart = (words) => (FROM_THE_RIGHT.test(words) ? words.replace(/“([^“”]*)”/g, "“\u2068$1\u2069”") : words);
