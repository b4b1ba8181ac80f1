"""The folder of a task of lmms-eval; `train.evaluate.adapters.lmms_task` writes it for a release."""
