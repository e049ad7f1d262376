/** Views that come a moment after the first picture: it does not wait for their modules, nor for their layout. */

export { eventsView } from "./training/events.js";
export { exportView } from "./export.js";
export { filmstripView } from "./probe/filmstrip.js";
export { findingsView } from "./training/findings.js";
export { helpView } from "./help.js";
export { pairsView } from "./probe/pairs.js";
export { readingView } from "./probe/reading.js";
export { regionsView } from "./rail/regions.js";
export { trainingView } from "./training/training.js";
