import assert from "node:assert/strict";
import test from "node:test";

import { halves, middle, quotedApart, sharedBeginning, shortName, tellApart } from "../../../frontend/words/names.js";

const short = (...names) => names.map((name) => shortName(name, sharedBeginning(names)));

test("what all names begin with is left out, up to the end of a folder", () => {
  assert.deepEqual(short("mnist/seed0/honest", "mnist/seed0/shortcut"), ["honest", "shortcut"]);
  assert.deepEqual(short("mnist/seed0", "mnist/seed01"), ["seed0", "seed01"]);
});

test("a long shared word is left out, a short one stays", () => {
  assert.deepEqual(short("resnet50-imagenet-lr0.1", "resnet50-imagenet-lr0.2"), ["lr0.1", "lr0.2"]);
  assert.deepEqual(short("cnn-a", "cnn-b"), ["cnn-a", "cnn-b"]);
});

test("two names are told apart by what differs, though they end alike", () => {
  assert.deepEqual(tellApart(["tuned/0/execution0", "tuned/2/execution0"], ""), ["0/…", "2/…"]);
  assert.deepEqual(tellApart(["cnn/seed0/honest", "cnn/seed0/shortcut"], ""), ["honest", "shortcut"]);
  assert.deepEqual(tellApart(["a/b/c", "a/b/b/c"], ""), ["c", "b/c"]);
  assert.deepEqual(tellApart(["x/run", "y/z/run"], ""), ["x/…", "y/z/…"]);
  assert.deepEqual(tellApart(["run", "y/run"], ""), ["run", "y/run"]);
  assert.deepEqual(tellApart(["tuned/0/execution0"], "tuned/"), ["0/execution0"]);
});

test("of every name something stays, and one name alone stays whole", () => {
  assert.deepEqual(short("a/b"), ["a/b"]);
  assert.deepEqual(short("a/", "a/b"), ["a/", "a/b"]);
  assert.deepEqual(short("same/x", "same/x"), ["x", "x"]);
  assert.deepEqual(short("", "a"), ["", "a"]);
});

test("a long name keeps its beginning and its end", () => {
  assert.equal(middle("resnet50-batch64-seed0-lr0.01"), "resnet50-b…eed0-lr0.01");
  assert.equal(middle("x".repeat(22)), "x".repeat(22));
  assert.equal(middle("abcdefgh", 5), "ab…gh");
});

test("a name loses its middle between whole letters, and a short one has none to lose", () => {
  assert.deepEqual(halves("benign"), ["benign", ""]);
  assert.deepEqual(halves("resnet50-lr0.1-seed7"), ["resnet50-lr0", ".1-seed7"]);
  // Families and flags are several characters that are one letter.
  const family = "👨‍👩‍👧";
  assert.deepEqual(halves(family.repeat(20)), [family.repeat(12), family.repeat(8)]);
});

test("names in quotation marks that are written from the right stand apart from what is around them; other words stay as they are", () => {
  assert.equal(quotedApart("probe 4 “كلب” (“درجة…”): A"), "probe 4 “\u2068كلب\u2069” (“\u2068درجة…\u2069”): A");
  assert.equal(quotedApart("probe 12 “7” (“Straße”)"), "probe 12 “7” (“Straße”)");
});
