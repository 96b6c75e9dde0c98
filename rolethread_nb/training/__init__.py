"""What a trainer will do with each conversation, shown before the run."""
