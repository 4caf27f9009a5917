"""How the stages see positions."""
