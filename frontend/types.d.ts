/** Shapes that more than one module speaks of. The replies of the server are described in tb_xai_plugin/http_api.md. */

import type { VNode } from "./vendor/preact.module.js";

export type { VNode };

// ---------------------------------------------------------------- what the server sends

export interface RunRow {
  run: string;
  name: string;
  sets: string[];
  /** of each probe set: two runs stand side by side where all entries are equal */
  comparable: Record<string, RunInfo["comparable"]>;
  version: string;
  epochs: number;
  last_step: number | null;
  wall_time: number | null;
  /** usual seconds between records */
  epoch_seconds: number | null;
  error: string | null;
}

/** A series of the `run` route, aligned with its steps. */
export type Series = (number | null)[];

export type Kind = "image" | "tabular" | "text" | "sequence";

export interface ProbeSetInfo {
  kind: Kind;
  count: number;
  /** of images; of series channels too */
  height?: number;
  width?: number;
  channels?: number;
  /** of tables: names of the features; of their codes, by the feature's number; the player of each feature, and the players' names */
  features?: string[];
  categorical?: Record<string, string[]>;
  player_of?: number[];
  player_names?: string[];
  /** of series: steps of time */
  length?: number;
  channel_names?: string[] | null;
  /** of series: whether all probes have the same stretches */
  alike?: boolean;
  regression: boolean;
  players: number[];
  names: string[] | null;
  labels: number[] | null;
  classes: number;
  class_names: string[] | null;
}

export interface RunInfo {
  run: string;
  name: string;
  set: string;
  version: string;
  steps: number[];
  wall_times: Series;
  /** all logged epochs, explained or not; logs are aligned with these */
  log_steps: number[];
  logs: Record<string, Series>;
  overhead: number | null;
  cost: { seconds: Series; evaluations: Series; share: Series; level: Series };
  gaps: { step: number; reason: string }[];
  /** what is different from a step on: fewer evaluations, a sparser schedule */
  changes: { step: number; change: string }[];
  missing: number;
  explainers: string[];
  /** those of them that have interactions */
  interacting: string[];
  /** what each explainer's values are in */
  units: Record<string, string>;
  regions: string[];
  comparable: Record<string, unknown>;
  settings: { kind: string; evaluations: number; seed: number; output: string; unit: string; head?: string; classes: "auto" | "all" | number[] };
  probes: ProbeSetInfo;
}

export type NumberArray = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** A piece of a text and the player it belongs to; -1 for what stands between tokens. */
export type Piece = [string, number];

/** A decoded reply of type application/octet-stream. */
export interface Container {
  header: { pieces?: Piece[][]; probes?: number[]; scale?: number | null; measures?: string[]; metric?: string; best?: number | null; onset?: number | null; measured?: boolean; in_few?: boolean; r_squared?: string; gap?: string; warnings?: string[]; repeats?: number; labelled?: boolean };
  arrays: Record<string, { data: NumberArray; shape: number[] }>;
  bytes: number;
}

/** What there is to see of one probe; probes of one request share buffers. */
export type Content = Picture | Row | Passage | Signal;

export interface Picture {
  kind: "image";
  width: number;
  height: number;
  channels: number;
  /** (height, width, channels) */
  pixels: Uint8Array;
  /** (height, width): the player of each pixel */
  segments: Uint16Array;
  /** one mask (height, width) a region, in the order of RunInfo.regions */
  regions: Uint8Array[];
}

/** A row of a table. */
export interface Row {
  kind: "tabular";
  /** (features,) in their own units, codes of categories */
  values: Float32Array;
  /** (features,) 1 where the value was missing, and the background's usual one stands */
  missing: Uint8Array;
  /** (players,) of each region, in the order of RunInfo.regions: the part of each player inside it */
  regions: Float32Array[];
}

export interface Passage {
  kind: "text";
  /** together they are the text */
  pieces: Piece[];
  regions: Float32Array[];
}

/** A series over time. */
export interface Signal {
  kind: "sequence";
  length: number;
  channels: number;
  /** (length, channels) in their own units */
  series: Float32Array;
  /** (length,) the player of each step */
  segments: Uint16Array;
  regions: Float32Array[];
}

export interface Attribution {
  /** (players,) signed, in the explainer's unit */
  values: Float32Array;
  /** (players,) standard errors; 0 where the value is exact, NaN where the error is unknown */
  errors: Float32Array;
  /** the class explained; -1 where it was not logged */
  target: number;
  /** the explainer's value of the model without any player; NaN where it has none */
  base: number;
}

/** Attributions of one probe at every epoch. */
export interface ProbeValues {
  /** of the reply: other numbers have another one */
  id: number;
  steps: Int32Array;
  players: number;
  /** null where the step is not in the record */
  at(step: number): Attribution | null;
}

export interface Contents { bytes: number; of(probe: number): Content | undefined }
/** Mean |attribution| of each player over probes. */
export interface Importance {
  bytes: number;
  steps: Int32Array;
  /** (players,); null where the step is not in the record */
  at(step: number): Float32Array | null;
}
export interface Values { bytes: number; scale: number | null; of(probe: number): ProbeValues | undefined }
export interface Difference {
  bytes: number;
  /** (players,) standard errors of the difference at a step; null where the step is not in the record */
  at(probe: number, step: number): Float32Array | null;
  /** (players,) 1 where a player differs by more than noise */
  real(probe: number, step: number): Uint8Array | null;
}
export interface Fidelity {
  bytes: number;
  measures: string[];
  /** (measures,) over probes */
  median(step: number): Float32Array | null;
  /** (measures,) of one probe */
  at(probe: number, step: number): Float32Array | null;
}
export interface Pair {
  players: [number, number];
  /** signed, in the explainer's unit */
  strength: number;
}
export interface Interactions {
  bytes: number;
  /** at most so many, the strongest first */
  at(probe: number, step: number, most: number): Pair[];
}
export interface Outputs {
  bytes: number;
  classes: number;
  steps: Int32Array;
  /** (classes,) probabilities of the whole probe; null where the step is not in the record */
  at(probe: number, step: number): Float32Array | null;
  /** the classes that were explained; null where the step is not in the record */
  targets(probe: number, step: number): Set<number> | null;
}
export interface Answer { predicted: number; probability: number; label: number }
export interface Answers { bytes: number; steps: Int32Array; at(probe: number, step: number): Answer | null }
/** A quantity of each probe at each epoch (drift, share of a region) with its quartiles over probes. */
export interface Spread {
  /** of the reply: other numbers have another one */
  id: number;
  bytes: number;
  steps: Int32Array;
  lower: Float32Array;
  median: Float32Array;
  upper: Float32Array;
  /** number of probes */
  count: number;
  /** over all probes and epochs */
  largest: number;
  /** (epochs,) of one probe */
  of(probe: number): Float32Array;
  at: Table;
}

/** A number of one probe at one epoch; NaN where there is none. */
export type Table = (probe: number, step: number) => number;

/** How far each explanation is from a reference. */
export interface Drift extends Spread {
  /** what of it is noise; NaN where errors are unknown */
  floor: Table;
  /** (epochs,) */
  floorMedian: Float32Array;
}

/** The share of |attribution| inside a region. */
export interface Share extends Spread {
  /** (epochs,) over probes: the share that is told of the run */
  mean: Float32Array;
  /** how many probes have a share at a step */
  counted(step: number): number;
  /** standard errors */
  errors: Table;
  /** the share of positive attribution, mean over probes; NaN where there is none */
  positive(step: number): number;
  /** 1 where the strongest player lies inside */
  pointed: Table;
  /** how many probes have their strongest player inside, and how many have one */
  pointing(step: number): { inside: number; of: number };
  /** the first step from which the mean share, or in few the shares of enough probes, stay above the lowest they had been by more than noise; null where there is none */
  onset: number | null;
  inFew: boolean;
  /** the same of one probe; ABSENT where there is none */
  onsetOf(probe: number): number;
  /** the share of the untrained model; where it was not logged, of the region's players among all */
  before(probe: number): number;
  /** whether the untrained model was logged */
  measured: boolean;
}

/** How far each explanation can be trusted. */
export interface Trust {
  bytes: number;
  /** names of the measures that it judges, as those of Fidelity */
  measures: string[];
  rSquared: Table;
  gap: Table;
  /** length of the standard errors over that of the values */
  error: Table;
  untrained: Table;
  untrainedFloor: Table;
  /** what there is to warn of */
  warnings(probe: number, step: number): string[];
}

export type EventKind = "learned" | "forgotten" | "relearned" | "reason changed" | "onset" | "collapsed";

/** Something that happened to one probe; events.py tells what its numbers mean. */
export interface TrainingEvent {
  step: number;
  probe: number;
  kind: EventKind;
  explainer: string;
  /** null where the model answered none */
  size: number | null;
  floor: number | null;
  region: string;
}

export interface Events {
  events: TrainingEvent[];
  /** since which step explanations are what they are at the end; null: not yet */
  steady: { probes: (number | null)[]; run: number | null; metric: string; of_metric: number | null };
}

/** How far apart the explanations of two runs are, by row of their pairing. */
export interface Compared {
  /** of the reply */
  id: number;
  bytes: number;
  steps: Int32Array;
  distance: Table;
  /** what of the distance is noise */
  floor: Table;
  bothRight(probe: number, step: number): boolean;
  /** whether there is a right answer; else `bothRight` says that both answer */
  labelled: boolean;
  /** (rows,) median over probes that both answer right, over all where there are none; and of what of it is noise */
  typical: Float32Array;
  typicalFloor: Float32Array;
  /** (rows,) between repeats of the same recipe; NaN where none are known */
  lowest: Float32Array;
  highest: Float32Array;
  /** pairs of repeats */
  repeats: number;
}

/** What deserves a look. */
export interface Finding {
  text: string;
  kind: string;
  step: number;
  /** null of the whole run */
  probe: number | null;
  region: string;
}
export interface Findings { verdict: string; findings: Finding[] }

/** Which epochs of two runs stand side by side. */
export interface Pairing {
  bytes: number;
  /** the metric that the alignment goes by; "" for epochs */
  metric: string;
  /** the place where both are at their best; null where epochs are not counted from there */
  best: number | null;
  /** one row a place of the cursor, ascending: the epoch it is called by */
  steps: Int32Array;
  /** the epoch of either run there; ABSENT where it has none */
  here: Int32Array;
  there: Int32Array;
}

export interface Replies {
  run: RunInfo;
  pairing: Pairing;
  probes: Contents;
  importance: Importance;
  values: Values;
  difference: Difference;
  fidelity: Fidelity;
  interactions: Interactions;
  outputs: Outputs;
  answers: Answers;
  drift: Drift;
  share: Share;
  trust: Trust;
  events: Events;
  compare: Compared;
  findings: Findings;
}
export type Route = keyof Replies;
export type Args = Record<string, string> & { run: string };

/** Where records come from: the server today, a file for a report that opens from disk. */
export interface Source {
  runs(signal?: AbortSignal): Promise<RunRow[]>;
  /** before: a reply to the same request, of which all up to a step still holds */
  get<R extends Route>(route: R, args: Args, signal?: AbortSignal, before?: { reply: Replies[R]; until: number }): Promise<Replies[R]>;
}

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
  answers: Answers | undefined;
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
