"""Provisioning: creates buckets with credentials of their own, and records them in `.buckia` and a secret store.

    request     what the user asked for
    plan        the steps that follow from it; data that a dry run shows
    journal     how far a provision is; it survives the process
    work        what steps work with: vendor, store, journal, files
    creation, removal, rotation   the steps
    executor    executes a plan, and undoes it after an error
    status      what there is of a provision

It touches vendors and stores only by their protocols.
"""
