"""A shop that lives: a seeded simulation of visitors, visits, carts, orders, refunds and members.

It knows a shop only by its public door (HTTP, the Segment spec) and shares no code with it, so what it counts from its
own draws (`truth`) is an independent answer to what the shop's pages say. People are plainly made up: e-mail addresses
at example.com, telephone numbers that begin with +86 111, which no carrier in China has been given.
"""
