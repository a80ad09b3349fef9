"""Everything that a member may read, as one file to take along."""
