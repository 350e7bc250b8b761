"""Plans as people see them: sites in files, what planning is worth, the storage's plan, and reasons in words."""
