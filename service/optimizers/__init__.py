"""POST /v1/optimizer/trace and /v1/optimizer/solve: what they take, how they are answered, what comes
back.
"""
