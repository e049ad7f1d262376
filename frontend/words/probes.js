/** What a probe is called: its number, its label, and its name or the first words of its text. tb_xai_plugin/probes/naming.py has the same rule. Pure. */

import { className } from "./format.js";
import { middle } from "./names.js";
import { trueLabels } from "./truth.js";

/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */

// Of a label or a name, so many characters.
const MOST_OF_NAME = 60;

// Of a set of labels, so many are named.
const MOST_LABELS = 3;

/**
 * The labels of a probe in words: "“7”", "“a, b, c” +1", "no label"; "" where probes have no labels.
 * @param {ProbeSetInfo} probes
 * @param {number} probe
 * @param {(number: number) => string} [nameOf]  the name of a class
 */
function labelWords(probes, probe, nameOf = (number) => className(probes, number)) {
  const labels = trueLabels(probes, probe);
  if (!labels) return "";
  if (!labels.length) return "no label";
  const more = labels.length > MOST_LABELS ? ` +${labels.length - MOST_LABELS}` : "";
  return `“${labels.slice(0, MOST_LABELS).map((label) => middle(nameOf(label), MOST_OF_NAME)).join(", ")}”${more}`;
}

/**
 * E.g. "probe 12 “7”", "probe 5 “survived” (Miss Bonnell)", "probe 3 “negative” (“A film that…”)", "probe 3 “A film that…”".
 * @param {ProbeSetInfo} probes
 * @param {number} probe
 */
export function probeName(probes, probe) {
  const label = labelWords(probes, probe);
  const said = `probe ${probe}${label && ` ${label}`}`;
  const [name, words] = [probes.names?.[probe], probes.words?.[probe]];
  if (name) return `${said} (${middle(name, MOST_OF_NAME)})`;
  if (words) return label ? `${said} (“${words}”)` : `${said} “${words}”`;
  return said;
}

/**
 * The same at the beginning of a sentence.
 * @param {ProbeSetInfo} probes
 * @param {number} probe
 */
export const ProbeName = (probes, probe) => `P${probeName(probes, probe).slice(1)}`;

/**
 * Where there is little room and the label stands beside it: "#12 “7”", "#5 Miss Bonnell", "#3 “A film that…”".
 * @param {ProbeSetInfo} probes
 * @param {number} probe
 * @param {(number: number) => string} [nameOf]  the name of a class
 */
export function shortProbeName(probes, probe, nameOf) {
  const label = labelWords(probes, probe, nameOf);
  const [name, words] = [probes.names?.[probe], probes.words?.[probe]];
  if (name === `#${probe}`) return name;
  return [`#${probe}`, ...(name ? [name] : label ? [label] : words ? [`“${words}”`] : [])].join(" ");
}
