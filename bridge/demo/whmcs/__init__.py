"""A WHMCS that is none: its remote API, our addon's endpoints and its module calls, over tables like WHMCS's own.

It ships, because the demo and the tests need a WHMCS and nobody can be asked to buy one first. "Faithful" means that
each documented line of the API's behaviour has a test that names it; what no document says is marked as our choice.
"""
