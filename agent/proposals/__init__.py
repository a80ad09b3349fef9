"""Changes of tasks that a run proposes: shown, approved by who asked, written over what was shown, and taken back."""
