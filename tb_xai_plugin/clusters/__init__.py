"""Explaining checkpoints after training: tasks for any executor, and the record that the callback would have written."""
