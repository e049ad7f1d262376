/** The model that `fit` returned, in words. Pure. */

import { epoch } from "./format.js";

/** @typedef {NonNullable<import("../types.d.ts").RunInfo["returned"]>} Returned */

/** @type {Record<string, string>} */
const HOW = {
  last: "the weights of the last epoch",
  averages: "moving averages of the optimizer, the weights of no epoch",
  changed: "changed after the last epoch, the weights of no epoch",
  once: "explained once, without training",
};

/** @type {Record<string, string>} */
const SHORT = { last: "last epoch", averages: "moving averages", changed: "changed weights", once: "explained once" };

/**
 * "epoch 6, restored"; "moving averages of the optimizer, the weights of no epoch".
 * @param {Pick<Returned, "epoch" | "how">} returned
 */
export function returnedWords({ epoch: step, how }) {
  return step === null ? (HOW[how] ?? how) : `${epoch(step)}, ${how === "last" ? "the last" : how}`;
}

/**
 * The same where there is little room: "epoch 6", "moving averages".
 * @param {Pick<Returned, "epoch" | "how">} returned
 */
export function returnedShort({ epoch: step, how }) {
  return step === null ? (SHORT[how] ?? how) : epoch(step);
}
