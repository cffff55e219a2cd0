"""A finished Result on its page: verdict, table, tabs, what can be taken away."""
