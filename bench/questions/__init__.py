"""The bench of questions: the product's answers against the same questions on raw events, asked of other engines."""
