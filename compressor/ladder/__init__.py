"""The ladder of decoding: how many bytes a step of the backbone may decode, and what that costs."""
