"""Publications: who was given which code (D16). SQL owns holders: a code has one, for as long as it is a
unique one.
"""
