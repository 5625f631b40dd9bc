"""The two experiments: memory against no memory, and the phone book."""
