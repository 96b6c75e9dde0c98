"""What is known of languages: quoted speech, and packs of words that rules of one language read."""
