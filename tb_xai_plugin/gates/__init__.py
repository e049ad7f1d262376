"""Rules about runs, for `tb-xai check` and tests: their grammar, what they measure, and the forms of what came out."""
