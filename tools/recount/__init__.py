"""A merchant's statement worked out once more, from what the handsets sent.

Law: a second implementation. Nothing here is imported from the other rooms, nor from the rest of
this one (a house test asks); the form of stored frames, the arithmetic of points and money and
the sums of a day are written anew from what gateway/README.md and protocol/README.md say. It only
reads. What it cannot work out it says: it skips nothing.

    boxes    a stored box opened, and what the request in it says
    law      points and money of a bill, and of what is left of it
    reading  the rows it needs, in one snapshot
    holds    what a return holds for HQ's word, and how that ends
    history  what became of a bill, part by part
    recount  each entry of the period, and the days, held against the statement
    showing, command   how it is told; `pointwire recount`
"""
