"""RunLogger at the hooks of other frameworks, one file each. None is imported before it is asked for, so that none is a dependency."""
