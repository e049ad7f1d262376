/** What the server sends, as it is decoded. The replies themselves are described in http_api.md. */

export interface Explained {
  kind: string;
  regression: boolean;
  classes: number;
  class_names: string[] | null;
  /** of tables: the features, then the groups */
  columns: string[] | null;
}

export interface RunRow {
  run: string;
  name: string;
  sets: string[];
  /** settings of each probe set; two runs are comparable if all entries are equal */
  comparable: Record<string, RunInfo["comparable"]>;
  /** what each probe set explains, as far as two runs must have it in common to stand side by side */
  explained?: Record<string, Explained>;
  /** what is recorded of the recipe of each probe set: equal for repeats */
  recipes?: Record<string, string>;
  version: string;
  epochs: number;
  last_step: number | null;
  /** what the model that training returned is; null where training has not finished, or the record does not say */
  returned?: { epoch: number | null; how: string } | null;
  wall_time: number | null;
  /** usual seconds between records */
  epoch_seconds: number | null;
  error: string | null;
  /** in a report: the runs that it can show beside this one */
  pairs?: string[];
}

/** A series of the `run` route, aligned with its steps. */
export type Series = (number | null)[];

export type Kind = "image" | "tabular" | "text" | "sequence";

export interface ProbeSetInfo {
  kind: Kind;
  count: number;
  /** size of images; `channels` also of series */
  height?: number;
  width?: number;
  channels?: number;
  /** of tables: feature names; category names by feature number; the player of each feature; the players' names */
  features?: string[];
  categorical?: Record<string, string[]>;
  /** of features of dates: the date and time of 0; their values are days since then */
  starts?: Record<string, string>;
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
  /** the true values of a regression, (probes, outputs) */
  truth?: number[][] | null;
  /** the unit of a regression's outputs and true values */
  unit?: string;
  /** where a probe may have several labels or none: the numbers of the true ones of each probe */
  label_sets?: number[][] | null;
  /** the first words of each text */
  words?: string[];
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
  /** settings that change at a step: fewer evaluations, a sparser schedule */
  changes: { step: number; change: string }[];
  missing: number;
  /** what the model that training returned is, and the step that explains it; null as in RunRow */
  returned?: { epoch: number | null; how: string; step: number | null } | null;
  explainers: string[];
  /** explainers that have interactions */
  interacting: string[];
  /** unit of each explainer's values */
  units: Record<string, string>;
  regions: string[];
  comparable: Record<string, unknown>;
  settings: { kind: string; evaluations: number; seed: number; output: string; unit: string; head?: string; read_as?: string; read_by?: string; model_output?: string | number; classes: "auto" | "all" | number[] };
  probes: ProbeSetInfo;
}

export type NumberArray = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** A piece of a text and the player it belongs to; -1 for what stands between tokens. */
export type Piece = [string, number];

/** A decoded reply of type application/octet-stream. */
export interface Container {
  header: { pieces?: Piece[][]; player_names?: string[][]; probes?: number[]; scale?: number | null; largest?: number | null; measures?: string[]; metric?: string; best?: number | null; onset?: number | null; measured?: boolean; of?: string; unknown?: string[]; in_few?: boolean; r_squared?: string; gap?: string; warnings?: string[]; repeats?: number; labelled?: boolean };
  arrays: Record<string, { data: NumberArray; shape: number[] }>;
  bytes: number;
}

/** The input of one probe; probes of one request share buffers. */
export type Content = ImageContent | Row | Passage | Signal;

export interface ImageContent {
  kind: "image";
  width: number;
  height: number;
  channels: number;
  /** (height, width, channels) */
  pixels: Uint8Array;
  /** (height, width): the player of each pixel; NOBODY (figures/outline.js) between the images of a montage */
  segments: Uint16Array;
  /** of the players, where a probe has several images */
  names: string[] | null;
  /** one mask (height, width) a region, in the order of RunInfo.regions */
  regions: Uint8Array[];
}

/** A row of a table. */
export interface Row {
  kind: "tabular";
  /** (features,) in their own units, codes of categories */
  values: Float32Array;
  /** (features,) 1 if the value was missing and was replaced by the background's usual value */
  missing: Uint8Array;
  /** (players,) of each region, in the order of RunInfo.regions: the part of each player inside it */
  regions: Float32Array[];
}

export interface Passage {
  kind: "text";
  /** the pieces joined are the text */
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
  /** (length,) the player of each step; NOBODY (figures/outline.js) for padding */
  segments: Uint16Array;
  /** of the players, where a probe has several series */
  names: string[] | null;
  regions: Float32Array[];
}

export interface Attribution {
  /** (players,) signed, in the explainer's unit */
  values: Float32Array;
  /** (players,) standard errors; 0 where the value is exact, NaN where the error is unknown */
  errors: Float32Array;
  /** the explained class; -1 if it was not logged */
  target: number;
  /** the explainer's value of the empty coalition; NaN if it has none */
  base: number;
}

/** Attributions of one probe at every epoch. */
export interface ProbeValues {
  /** identifies the reply: it changes with the numbers */
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
export interface Values { bytes: number; scale: number | null; largest: number | null; of(probe: number): ProbeValues | undefined }
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
  /** the strongest pairs, at most `most` */
  at(probe: number, step: number, most: number): Pair[];
}
export interface Outputs {
  bytes: number;
  classes: number;
  steps: Int32Array;
  /** (classes,) probabilities of the unmasked input; null where the step is not in the record */
  at(probe: number, step: number): Float32Array | null;
  /** the classes that were explained; null where the step is not in the record */
  targets(probe: number, step: number): Set<number> | null;
}
/** where probes have sets of labels, `right` is the number of labels that are right, and `set` is equal where the same labels are predicted */
export interface Prediction { predicted: number; probability: number; label: number; right?: number; set?: number }
export interface Predictions { bytes: number; steps: Int32Array; at(probe: number, step: number): Prediction | null }
/** A quantity of each probe at each epoch (drift, share of a region) with its quartiles over probes. */
export interface Spread {
  /** identifies the reply: it changes with the numbers */
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
  /** noise floor; NaN where errors are unknown */
  floor: Table;
  /** (epochs,) */
  floorMedian: Float32Array;
}

/** The share of |attribution| inside a region. */
export interface Share extends Spread {
  /** (epochs,) mean share over probes: the run's share */
  mean: Float32Array;
  /** how many probes have a share at a step */
  counted(step: number): number;
  /** standard errors */
  errors: Table;
  /** the share of positive attribution, mean over probes; NaN where there is none */
  positive(step: number): number;
  /** 1 where the strongest player lies inside */
  pointed: Table;
  /** inside: probes whose strongest player lies inside; of: probes that have a strongest player */
  pointing(step: number): { inside: number; of: number };
  /** the first step from which the mean share (inFew: the shares of enough probes) stays above its previous minimum by more than noise; null if there is none */
  onset: number | null;
  inFew: boolean;
  /** the onset of one probe; ABSENT if there is none */
  onsetOf(probe: number): number;
  /** the share of the untrained model; if it was not logged, the region's part of all players */
  before(probe: number): number;
  /** whether the untrained model was logged */
  measured: boolean;
  /** the region's own part of the image or of all players, mean over probes */
  own: number;
  /** what `own` is a part of, in words */
  whole: string;
  /** whether a player of a probe is part of a region that was asked for by name */
  inside(probe: number, player: number): boolean;
  /** asked names that the record does not have */
  unknown: string[];
}

/** How far each explanation can be trusted. */
export interface Trust {
  bytes: number;
  /** names of the measures that the warnings are based on, as in Fidelity */
  measures: string[];
  rSquared: Table;
  gap: Table;
  /** norm of the standard errors divided by the norm of the values */
  error: Table;
  untrained: Table;
  untrainedFloor: Table;
  /** names of the warnings */
  warnings(probe: number, step: number): string[];
}

export type EventKind = "learned" | "forgotten" | "relearned" | "reason changed" | "onset" | "collapsed";

/** An event of one probe; events.py defines its numbers. */
export interface TrainingEvent {
  step: number;
  probe: number;
  kind: EventKind;
  explainer: string;
  /** null if the model's output is not a number */
  size: number | null;
  floor: number | null;
  region: string;
}

export interface Events {
  events: TrainingEvent[];
  /** the step from which explanations stay as they are at the end; null: not yet */
  steady: { probes: (number | null)[]; run: number | null; metric: string; of_metric: number | null };
}

/** The distance between the explanations of two runs, one row per pair of epochs. */
export interface Compared {
  /** identifies the reply */
  id: number;
  bytes: number;
  steps: Int32Array;
  distance: Table;
  /** noise floor of the distance */
  floor: Table;
  bothRight(probe: number, step: number): boolean;
  /** whether the probes have labels; without labels `bothRight` means that both models have an output */
  labelled: boolean;
  /** (rows,) median over probes that both runs predict correctly, over all probes if there are none; typicalFloor: its noise floor */
  typical: Float32Array;
  typicalFloor: Float32Array;
  /** (rows,) range between repeats of the same recipe; NaN if no repeats are known */
  lowest: Float32Array;
  highest: Float32Array;
  /** pairs of repeats */
  repeats: number;
}

/** An observation that deserves attention. */
export interface Finding {
  text: string;
  kind: string;
  step: number;
  /** null if it concerns the run, not one probe */
  probe: number | null;
  region: string;
}
export interface Findings { verdict: string; findings: Finding[] }

/** Runs that are repeats of one recipe, with their names in TensorBoard. */
export interface Repeats {
  groups: { recipe: string; runs: string[] }[];
  /** where there is no group: a pattern that would make those of `proposed`; "" for none */
  pattern: string;
  proposed: { recipe: string; runs: string[] }[];
}

/** Which epochs of two runs are compared. */
export interface Pairing {
  bytes: number;
  /** the metric of the alignment; "" for epochs */
  metric: string;
  /** the place where both runs are at their best; null unless epochs are counted from it */
  best: number | null;
  /** the epoch that names each place of the cursor, ascending */
  steps: Int32Array;
  /** the epochs of the two runs at that place; ABSENT if a run has none */
  here: Int32Array;
  there: Int32Array;
}

export interface Replies {
  run: RunInfo;
  pairing: Pairing;
  repeats: Repeats;
  probes: Contents;
  importance: Importance;
  values: Values;
  difference: Difference;
  fidelity: Fidelity;
  interactions: Interactions;
  outputs: Outputs;
  answers: Predictions;
  drift: Drift;
  share: Share;
  trust: Trust;
  events: Events;
  compare: Compared;
  findings: Findings;
}
export type Route = keyof Replies;
export type Args = Record<string, string> & { run: string };

/** What a report that opens from disk has, and what it leaves out. */
export interface Report {
  /** what it is and what it leaves out, in sentences */
  note: string;
  /** the explained classes, as `State.class` names them */
  classes: string[];
  /** parts of the state that can't change there, because only a server could reply */
  fixed: Partial<import("../types.d.ts").State>;
}

/** The records in the file of a report. */
export interface Archive {
  report: Report;
  /** route, arguments, and the place of the reply in `bodies`, or the server's sentence why there is none */
  requests: [string, Record<string, string>, number | string][];
  /** gzip-compressed, in base64 */
  bodies: string[];
}

/** Where records come from: the server, or the file of a report that opens from disk. */
export interface Source {
  /** of a report */
  report?: Report;
  runs(signal?: AbortSignal): Promise<RunRow[]>;
  /** before: an earlier reply to the same request that is still valid up to a step */
  get<R extends Route>(route: R, args: Args, signal?: AbortSignal, before?: { reply: Replies[R]; until: number }): Promise<Replies[R]>;
}
