"""The trainers: one small profile each, in one registry."""
