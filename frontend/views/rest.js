/** Views that come a moment after the first picture: it does not wait for their modules, nor for their layout. */

export { eventsView } from "./events.js";
export { exportView } from "./export.js";
export { filmstripView } from "./filmstrip.js";
export { findingsView } from "./findings.js";
export { helpView } from "./help.js";
export { pairsView } from "./pairs.js";
export { readingView } from "./reading.js";
export { regionsView } from "./regions.js";
export { trainingView } from "./training.js";
