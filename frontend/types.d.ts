/** Shapes that more than one module speaks of: what the server sends (feed/records.d.ts), what the user chose, what the views draw. */

import type { Args, Compared, Content, Difference, Drift, EventKind, Events, Fidelity, Findings, Importance, Interactions, Outputs, Picture, Predictions, ProbeValues, Replies, Route, RunInfo, RunRow, Share, Trust } from "./feed/records.d.ts";
import type { VNode } from "./vendor/preact.module.js";

export type * from "./feed/records.d.ts";
export type { VNode };

/** undefined: not here yet (it is being fetched, except where `peek` asks only whether it is here). */
export type Ask = <R extends Route>(route: R, args: Args, peek?: boolean) => Replies[R] | undefined;

// ---------------------------------------------------------------- what the user chose

export type Sort = "order" | "changed" | "uncertain" | "differ";
/** What the drift curve is measured from; "apart": how far A and B are apart. */
export type DriftFrom = "previous" | "untrained" | "final" | "pinned" | "apart";
export type Look = "overlay" | "map" | "image";
/** How the epochs of A and B are brought together: the same one, the same validation metric, each counted from its best. */
export type Align = "epoch" | "val_accuracy" | "best";

/** A region that the user drew. */
export interface Area {
  name: string;
  /** the one probe it is meant for; null for all */
  probe: number | null;
  /** x, y, x, y, … of a polygon in pixels of the image; empty where it is of players */
  points: number[];
  /** numbers of players (features, tokens, stretches of time), where the probes are no images */
  players?: number[];
}

/** Null stands for "not chosen": the page then decides. */
export interface State {
  a: string | null;
  /** "" stands for "no second run" */
  b: string | null;
  set: string | null;
  runs: string[];
  filter: string;
  method: string | null;
  /** "label", "predicted" or a class number */
  class: string;
  probe: number | null;
  /** null follows the last epoch */
  epoch: number | null;
  pin: number | null;
  sort: Sort;
  only: number | null;
  wrong: boolean;
  disagree: boolean;
  view: Look;
  opacity: number;
  strongest: number;
  outlines: boolean;
  lock: boolean;
  /** "" stands for "no region" */
  region: string | null;
  player: number | null;
  metric: string | null;
  align: Align;
  /** whether the filmstrip shows as many epochs as have room, or all of them */
  film: "fit" | "all";
  /** players over epochs: their values as colours, or their ranks as lines */
  evolution: "heat" | "ranks";
  /** the order of players over epochs: by mean |attribution|, or by how much it grew or shrank up to the cursor */
  gains: "strongest" | "gained" | "lost";
  /** A and B side by side, one over the other with an edge to drag, or in turn */
  compare: "side" | "swipe" | "blink";
  /** per cent of the picture left of the edge between A and B */
  swipe: number;
  /** of features: a bar each from zero, or one after the other from the model without features to its output */
  form: "bars" | "waterfall";
  /** order of features: by their mean |attribution| over all epochs, by that at the cursor, or as they were logged */
  rank: "overall" | "epoch" | "logged";
  areas: Area[];
  drift: DriftFrom;
  /** what tells repeats of a recipe apart in a run's name, a regular expression; "" for the usual */
  repeats: string;
  /** whether the list of what deserves a look is open; null: where there is room */
  findings: "open" | "closed" | null;
  /** the list of events: null is closed, "all" or the kind that is listed */
  events: EventKind | "all" | null;

  // of the moment: never in the URL
  hover: number | null;
  /** the pair of segments under the pointer */
  pair: [number, number] | null;
  /** what the pointer draws on the pictures; null where it points at segments */
  drawing: "box" | "lasso" | null;
  /** the cursor goes to where both runs are at their best, as soon as that is known */
  seeksBest: boolean;
  playing: boolean;
  help: boolean;
  dark: boolean;
  copied: boolean;
  /** first and last + 1 of the cards in view, as positions in the sorted list */
  window: [number, number];
}

// ---------------------------------------------------------------- what the views draw

/** One run as the page shows it. `Side` is a run with everything loaded that the page needs of it. */
export interface RunChoice extends RunRow {
  /** the name without what all names begin with */
  label: string;
  color: string;
  letter: "A" | "B" | "";
  shown: boolean;
  /** why it can't stand beside A; "" where it can; null while unknown */
  reason: string | null;
}

export interface Side {
  letter: "A" | "B" | "";
  /** of what is drawn from it: run, probe set and version */
  id: string;
  run: string;
  name: string;
  /** the name without what all names begin with */
  label: string;
  color: string;
  info: RunInfo;
  /** what the values are in */
  unit: string;
  fidelity: Fidelity | undefined;
  /** share of each region, where it has arrived */
  shares: Map<string, Share>;
  drift: Drift | undefined;
  /** drift from what the user chose; undefined too where it is A's distance from B */
  chosenDrift: Drift | undefined;
  trust: Trust | undefined;
  events: Events | undefined;
  /** distance of every epoch from the pinned one; where the user pinned one that this run has */
  sincePin: Drift | undefined;
  /** mean |attribution| over probes, of tables */
  importance: Importance | undefined;
  predictions: Predictions | undefined;
  /** asks for what the pictures of these probes need, and for all classes of the selected one */
  load(probes: number[], selected: number): void;
  /** end of this run's own colour scale; 0 where there is none */
  scale(): number;
  values(probe: number): ProbeValues | undefined;
  content(probe: number): Content | undefined;
  /** the same where the probes are images */
  picture(probe: number): Picture | undefined;
  outputs(): Outputs | undefined;
  interactions(): Interactions | undefined;
}

/** One of the things compared: a run at an epoch. */
export interface Pane {
  /** "A", "B", "now" or "pinned" */
  title: string;
  side: Side;
  step: number;
}

export interface Cursor {
  /** the epoch it is called by: A's, or where both go by epoch, that of either */
  step: number;
  /** position of step in steps */
  index: number;
  /** every place it can take, sorted */
  steps: number[];
  /** A's and B's epoch at every place; ABSENT where there is none */
  epochs: { A: ArrayLike<number>; B: ArrayLike<number> };
  /** the metric that A and B are aligned by; "" where they are by epoch */
  metric: string;
  /** the step at which both are at their best, where they are aligned so; else null */
  best: number | null;
  /** the last epoch that A and B have: where one who follows training stands */
  end: number;
  following: boolean;
}

/** A reply that did not come, and why. */
export interface Failure {
  route: Route;
  args: Args;
  /** a sentence */
  problem: string;
}

/** What the page knows besides the records themselves. */
export interface Situation {
  /** null before the first answer */
  rows: RunRow[] | null;
  /** what failed, in a sentence; "" if nothing did */
  problem: string;
  reconnecting: boolean;
  /** seconds since 1970 */
  now: number;
  /** whether the first picture is drawn: what can be later is asked for from then on */
  settled: boolean;
  /** where the cursor last came to rest; null before it did */
  rested: number | null;
}

/** Everything a view draws from, besides the state. Where phase is not "ready" only the first block is there. */
export interface Data {
  phase: "loading" | "ready" | "empty" | "waiting" | "failed";
  problem: string;
  /** of what only a part of the page is made */
  failures: Failure[];
  reconnecting: boolean;
  /** runs that a link names and nobody has, in words */
  missing: string;
  /** how far a long read is: replies that have come, of those asked for; null where nobody waits for long */
  reading: { done: number; total: number } | null;
  runs: RunChoice[];
  /** what the names of all runs begin with */
  shared: string;

  a: Side | null;
  b: Side | null;
  /** further runs whose curves are shown */
  others: Side[];
  /** A and B at the cursor; with one run, A now and A pinned */
  panes: Pane[];
  cursor: Cursor;
  pin: number;
  /** errors of the first pane's values less the second's, at every place of the cursor; beside a pinned epoch, at A's steps */
  difference: Difference | undefined;
  /** A and B, at every place of the cursor */
  compared: Compared | undefined;
  /** of A, or of A and B where the cursor last rested */
  findings: Findings | undefined;
  /** where the cursor last came to rest; null before it did */
  rested: number | null;
  live: boolean;
  method: string;
  /** the class that is explained: state.class where the run has it */
  explained: string;
  region: string;
  probe: number;
  /** probe numbers, filtered and sorted */
  order: number[];
  /** end of the shared colour scale; 0 where there is none */
  scale: number;
  /** the player under the pointer, else the kept one, else the strongest at the cursor */
  player: number | null;
  /** players outlined in the large pictures: the pair under the pointer, else the player */
  lit: number[];
}

export type Change = Partial<State>;
export type Command = "retry" | "link" | "help";
export type Update = (data: Data, state: State) => void;
export type View = (element: HTMLElement) => Update;
