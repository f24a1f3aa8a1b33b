"""The methods beside consensus_v1, one file each or one a family; face.pyx lists them by name.

Files of `.pxd` compute in the stream, on C doubles and without allocation; what stands in plain Python is
only ever asked, through evaluate().
"""
