"""The evaluator inside other people's harnesses: inspect_ai (`inspect_release`) and lmms-eval (`lmms_task`).

Both ask the questions of a released split, read answers as `factory eval` does, and measure by a preset. We need, and
install, neither package.
"""
