/** Which parts of an attribution are shown, in words. Pure. */

import { leavesOut } from "../figures/scale.js";
import { playerNoun } from "./kinds.js";

/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */
/** @typedef {import("../types.d.ts").State} State */

/**
 * "segments that speak for the class".
 * @param {Pick<State, "sign" | "top">} choice
 * @param {Pick<ProbeSetInfo, "kind" | "regression">} probes
 */
export function choiceNouns({ sign, top }, { kind, regression }) {
  const one = top === 1;
  const noun = playerNoun(kind, one ? 1 : 2);
  if (sign === "both") return noun;
  const does = regression ? (sign === "for" ? "raise" : "lower") : "speak";
  return `${noun} that ${does}${one ? "s" : ""} ${regression ? "the output" : `${sign} the class`}`;
}

/** @type {(choice: Pick<State, "sign">, probes: Pick<ProbeSetInfo, "regression">) => string} where the rest is hidden, and all belongs to it */
export const nothingWords = ({ sign }, { regression }) => (regression ? `nothing ${sign === "for" ? "raises" : "lowers"} the output here` : `nothing speaks ${sign} the class here`);

/**
 * "the 5 strongest segments that speak for the class, the rest hidden"; "" where all are shown.
 * @param {Pick<State, "sign" | "top" | "strongest" | "rest">} choice
 * @param {Pick<ProbeSetInfo, "kind" | "regression">} probes
 */
export function choiceWords(choice, probes) {
  if (!leavesOut(choice)) return "";
  const { top, strongest, rest } = choice;
  const nouns = choiceNouns(choice, probes);
  const part = top !== null ? `the ${top > 1 ? `${top} ` : ""}strongest ${nouns}` : strongest < 100 ? `strongest ${strongest} % of the ${nouns}` : `only ${nouns}`;
  return `${part}${rest === "hide" ? ", the rest hidden" : ""}`;
}
