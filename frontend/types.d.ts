/** Shapes that several modules share: what the server sends (feed/records.d.ts), what the user chose, what the views draw. */

import type { Args, Compared, Content, Difference, Drift, EventKind, Events, Explained, Fidelity, Findings, ImageContent, Importance, Interactions, Outputs, Predictions, ProbeValues, Repeats, Replies, Report, Route, RunInfo, RunRow, Share, Trust } from "./feed/records.d.ts";
import type { VNode } from "./vendor/preact.module.js";

export type * from "./feed/records.d.ts";
export type { VNode };

/** Returns undefined while the reply is being fetched; with `peek` nothing is fetched. */
export type Ask = <R extends Route>(route: R, args: Args, peek?: boolean) => Replies[R] | undefined;

// ---------------------------------------------------------------- what the user chose

export type Sort = "order" | "changed" | "uncertain" | "error" | "differ";
/** What the drift curve is measured from; "apart": the distance of A and B. */
export type DriftFrom = "previous" | "untrained" | "final" | "pinned" | "apart";
export type Look = "overlay" | "map" | "image";
/** How the epochs of A and B are aligned: by number, by the closest validation metric, or counted from each run's best. */
export type Align = "epoch" | "val_accuracy" | "best";

/** A region that the user drew. */
export interface Area {
  name: string;
  /** the only probe that it applies to; null for all */
  probe: number | null;
  /** x, y, x, y, … of a polygon in pixels of the image; empty if it consists of players */
  points: number[];
  /** numbers of players (features, tokens, stretches of time), if the probes are not images */
  players?: number[];
  /** names of features, groups, tokens or stretches, if they were asked by name */
  names?: string[];
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
  /** what is shown: all, only what speaks for the class (raises the output), or only what speaks against it */
  sign: "both" | "for" | "against";
  /** so many of the strongest are shown; null: the strongest `strongest` per cent */
  top: number | null;
  /** whether what is not shown keeps its place in grey, or is hidden */
  rest: "show" | "hide";
  outlines: boolean;
  /** #rrggbb of outlines; null: thin grey ones */
  ink: string | null;
  lock: boolean;
  /** "" stands for "no region" */
  region: string | null;
  player: number | null;
  metric: string | null;
  align: Align;
  /** whether the filmstrip shows as many epochs as fit, or all of them */
  film: "fit" | "all";
  /** players over epochs: their values as colours, or their ranks as lines */
  evolution: "heat" | "ranks";
  /** the order of players over epochs: by mean |attribution|, or by how much it grew or shrank up to the cursor */
  gains: "strongest" | "gained" | "lost";
  /** A and B side by side, one over the other with a draggable edge, or alternating */
  compare: "side" | "swipe" | "blink";
  /** per cent of the picture left of the edge between A and B */
  swipe: number;
  /** bars of features from zero, or as a waterfall from the base value to the output */
  form: "bars" | "waterfall";
  /** order of features: by their mean |attribution| over all epochs, by that at the cursor, or as they were logged */
  rank: "overall" | "epoch" | "logged";
  areas: Area[];
  drift: DriftFrom;
  /** regular expression for the part of a run's name that differs between repeats; "": the server finds it */
  repeats: string;
  /** whether the list of findings is open; null: open if there is room */
  findings: "open" | "closed" | null;
  /** the list of events: null is closed, "all" or the kind that is listed */
  events: EventKind | "all" | null;
  /** what happened at the first epoch, in the list of events and above the slider */
  first: "folded" | "open";
  /** whether runs and settings are in view; null: where the window has room for them */
  rail: "open" | "folded" | null;
  /** what is shown whole, or open, on the user's wish, by the names that `isUnfolded` takes (model/state.js) */
  unfolded: string[];
  /** part of a class's name that the user looks for, where there are many classes */
  find: string;
  /** which of two pictures in one place is shown; null: both in turn, unless the user asked the system for less motion */
  blink: "first" | "second" | "both" | null;

  // transient: never in the URL
  hover: number | null;
  /** the pair of segments under the pointer */
  pair: [number, number] | null;
  /** what the pointer draws on the pictures; null if it selects segments */
  drawing: "box" | "lasso" | null;
  /** the cursor moves to the place where both runs are at their best, as soon as it is known */
  seeksBest: boolean;
  playing: boolean;
  help: boolean;
  dark: boolean;
  /** whether the address was just copied; where the browser refused, the address itself, for copying by hand */
  copied: boolean | string;
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
  /** why it is not comparable with A; "" if it is; null while unknown */
  reason: string | null;
  /** whether it can stand beside A though it is not comparable */
  beside: boolean;
}

export interface Side {
  letter: "A" | "B" | "";
  /** of B: why it is not comparable with A, beside which it stands; "" where it is */
  apart: string;
  /** identifies what is drawn: run, probe set and version */
  id: string;
  run: string;
  name: string;
  /** the name without what all names begin with */
  label: string;
  color: string;
  info: RunInfo;
  /** as `info`; of B that stands beside A with its features in A's places, without that */
  own: RunInfo;
  /** unit of the values */
  unit: string;
  fidelity: Fidelity | undefined;
  /** shares of the regions that have been loaded */
  shares: Map<string, Share>;
  drift: Drift | undefined;
  /** drift from the chosen reference; also undefined if the curve shows the distance of A and B */
  chosenDrift: Drift | undefined;
  trust: Trust | undefined;
  events: Events | undefined;
  /** distance of every epoch from the pinned epoch, if this run has it */
  sincePin: Drift | undefined;
  /** mean |attribution| over probes, of tables */
  importance: Importance | undefined;
  predictions: Predictions | undefined;
  /** requests the data of these probes, and all classes of the selected one */
  load(probes: number[], selected: number): void;
  /** whether its values are in another unit than those of A, beside which it stands, and so have a scale of their own */
  ownEnd: boolean;
  /** end of this run's own colour scale; 0 where there is none */
  scale(): number;
  values(probe: number): ProbeValues | undefined;
  /** whether the players of the probe are those of A: else A's names are not theirs */
  sharesPlayers(probe: number): boolean;
  content(probe: number): Content | undefined;
  /** the content if the probes are images */
  picture(probe: number): ImageContent | undefined;
  outputs(): Outputs | undefined;
  interactions(): Interactions | undefined;
}

/** One side of a comparison: a run at an epoch. */
export interface Pane {
  /** "A", "B", "now" or "pinned" */
  title: string;
  side: Side;
  step: number;
}

export interface Cursor {
  /** the epoch that names the place: A's, or the common one */
  step: number;
  /** position of step in steps */
  index: number;
  /** all places of the cursor, sorted */
  steps: number[];
  /** A's and B's epoch at every place; ABSENT where there is none */
  epochs: { A: ArrayLike<number>; B: ArrayLike<number> };
  /** the metric that A and B are aligned by; "" if they are aligned by epoch */
  metric: string;
  /** the step at which both runs are at their best, if they are aligned by it; else null */
  best: number | null;
  /** the last epoch that both A and B have: the cursor follows it during training */
  end: number;
  following: boolean;
}

/** A failed request and its reason. */
export interface Failure {
  route: Route;
  args: Args;
  /** a sentence */
  problem: string;
}

/** What the page knows besides the records themselves. */
export interface Situation {
  /** null before the first reply */
  rows: RunRow[] | null;
  /** what failed, in a sentence; "" if nothing did */
  problem: string;
  reconnecting: boolean;
  /** seconds since 1970 */
  now: number;
  /** of a report that opens from disk; null on a server */
  report: Report | null;
  /** whether the first picture is drawn: less urgent requests start then */
  settled: boolean;
  /** where the cursor last came to rest; null before it did */
  rested: number | null;
}

/** Everything a view draws from, besides the state. If phase is not "ready", only the first block is set. */
export interface Data {
  phase: "loading" | "ready" | "empty" | "waiting" | "failed";
  problem: string;
  /** failed requests that concern only a part of the page */
  failures: Failure[];
  reconnecting: boolean;
  /** a sentence about runs that a link names and that do not exist */
  missing: string;
  /** progress of a long read: replies received, replies requested; null if there is no long read */
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
  /** standard errors of first pane minus second pane, at every place of the cursor; with a pinned epoch, at A's steps */
  difference: Difference | undefined;
  /** A and B, at every place of the cursor */
  compared: Compared | undefined;
  /** findings of A, or of A and B at the epoch where the cursor last rested */
  findings: Findings | undefined;
  /** which runs are repeats of one recipe */
  repeats: Repeats | undefined;
  /** where the cursor last came to rest; null before it did */
  rested: number | null;
  /** of a report that opens from disk; null on a server */
  report: Report | null;
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
  /** the player under the pointer, else the selected one, else the strongest at the cursor */
  player: number | null;
  /** players outlined in the large pictures: the pair under the pointer, else the player */
  lit: number[];
}

export type Change = Partial<State>;
export type Command = "retry" | "print" | "link" | "help";
export type Update = (data: Data, state: State) => void;
export type View = (element: HTMLElement) => Update;
