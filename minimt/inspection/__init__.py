"""Looking into a trained model: what each token found in memory, and where it was."""
