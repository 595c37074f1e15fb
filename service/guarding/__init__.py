"""Who may ask: API keys, rates, daily budgets of work, and the headers that protect browsers."""
