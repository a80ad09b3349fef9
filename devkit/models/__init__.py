"""A stand-in for vendors of models: OpenAI's chat completions and Anthropic's messages, scripted, on this machine."""
