"""The distillation loss to paste, for other libraries, with values filled in; and how to write a file of logits.

Each loss is this lab's own, `kd_core.distillation.distillation_loss`, with alpha on the teacher:

    alpha T² KL(p_teacher || p_student) + (1 - alpha) CE(labels)

The tests run each against it, where its library is installed. $T, $alpha and $rest = 1 - alpha are holes.
"""

from string import Template

RECIPES = {
    "pytorch": '''\
import torch.nn.functional as F

def distillation_loss(student_logits, teacher_logits, labels, T=$T, alpha=$alpha):
    """alpha T^2 KL(teacher || student) + (1 - alpha) CE; alpha is the weight on the teacher."""
    log_p = F.log_softmax(teacher_logits.detach() / T, dim=1)
    log_q = F.log_softmax(student_logits / T, dim=1)
    soft = F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    return alpha * T**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
''',
    "keras": '''\
import keras
from keras import ops

def distillation_loss(student_logits, teacher_logits, labels, T=$T, alpha=$alpha):
    """alpha T^2 KL(teacher || student) + (1 - alpha) CE of each sample; alpha is the weight on the teacher.

    Keras takes the mean itself, as of its own losses; in a train_step of your own, use ops.mean.
    """
    log_p = ops.log_softmax(ops.stop_gradient(teacher_logits) / T, axis=-1)
    log_q = ops.log_softmax(student_logits / T, axis=-1)
    soft = ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)
    hard = keras.losses.sparse_categorical_crossentropy(labels, student_logits, from_logits=True)
    return alpha * T**2 * soft + (1 - alpha) * hard
''',
    "huggingface": '''\
import torch
import torch.nn.functional as F
from transformers import Trainer

class DistillationTrainer(Trainer):
    """alpha T^2 KL(teacher || student) + (1 - alpha) CE; alpha is the weight on the teacher."""

    def __init__(self, *args, teacher, T=$T, alpha=$alpha, **options):
        super().__init__(*args, **options)
        self.teacher, self.T, self.alpha = teacher.to(self.args.device).eval(), T, alpha

    def compute_loss(self, model, inputs, return_outputs=False, **options):
        student = model(**inputs)  # inputs carry the labels, so student.loss is their cross-entropy
        with torch.no_grad():
            teacher = self.teacher(**inputs)
        log_p = F.log_softmax(teacher.logits / self.T, dim=-1)
        log_q = F.log_softmax(student.logits / self.T, dim=-1)
        soft = F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
        loss = self.alpha * self.T**2 * soft + (1 - self.alpha) * student.loss
        return (loss, student) if return_outputs else loss
''',
    "torchdistill": """\
criterion:
  key: 'KDLoss'
  kwargs:
    student_module_path: '.'
    student_module_io: 'output'
    teacher_module_path: '.'
    teacher_module_io: 'output'
    temperature: $T
    alpha: $rest   # the weight on the LABELS
    beta: $alpha   # the weight on the teacher; T^2 comes with it
    reduction: 'batchmean'
""",
}

TITLES = {"pytorch": "PyTorch", "keras": "Keras 3", "huggingface": "Hugging Face", "torchdistill": "torchdistill"}

WRITERS = {
    "PyTorch": """\
import numpy as np, torch
model.eval()
with torch.no_grad():  # loader: of data that the teacher was NOT trained on, shuffle=False
    logits, labels = map(torch.cat, zip(*((model(x).cpu(), y) for x, y in loader)))
np.savez("teacher.npz", logits=logits.numpy(), labels=labels.numpy(), class_names=np.array(class_names))
""",
    "Keras": """\
import numpy as np
from keras import Model, activations
model.layers[-1].activation = activations.linear  # logits, not probabilities
logits = Model(model.inputs, model.layers[-1](model.layers[-2].output)).predict(x_validation)
np.savez("teacher.npz", logits=logits, labels=y_validation.ravel(), class_names=np.array(class_names))
""",
    "timm": """\
import numpy as np, timm, torch
model = timm.create_model("resnet50", pretrained=True).eval()
with torch.no_grad():  # loader: timm.data.create_loader(...), its images on the model's device
    logits, labels = map(torch.cat, zip(*((model(x).cpu(), y.cpu()) for x, y in loader)))
np.savez("teacher.npz", logits=logits.numpy().astype(np.float16), labels=labels.numpy())
""",
    "transformers": """\
import numpy as np
from transformers import Trainer
found = Trainer(model=teacher).predict(validation)  # its predictions are logits
names = np.array([teacher.config.id2label[i] for i in range(teacher.config.num_labels)])
np.savez("teacher.npz", logits=found.predictions, labels=found.label_ids, class_names=names)
""",
}


def written(library: str, temperature: float, alpha: float) -> str:
    """The loss for one of RECIPES with these values in it.

    torchdistill 1.1.5 takes a weight of exactly 0 on the labels for a wish to leave T² out as well.
    """
    rest = f"{1 - alpha:.10g}" if alpha < 1 else "1.0e-9"
    return Template(RECIPES[library]).substitute(T=f"{temperature:g}", alpha=f"{alpha:g}", rest=rest)
