"""One request to the agent, from prompt to end: asked, performed in a worker, watched, stopped, rated."""
