"""Claims due runs, observes, plans, carries out steps, and recovers: the same path whether or not anything broke."""
