"""What is wrong with the daily load, and telling people once per cause. docs/decisions/alerts_by_state.md"""
