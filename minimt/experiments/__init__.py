"""The two experiments: with memory against without, and the phone book."""
