"""What a policy is, on its own: fields, choices, rules, and their terms in IKE. Knows no Django."""
