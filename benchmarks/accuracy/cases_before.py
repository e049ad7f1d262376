"""What came of each case before it was mended."""

BEFORE = {
    "1 column types": {
        "months as strings": "OFF by 0.44",
        "flag.map": "OFF by nan (says: explain: the model returned NaN or infinity for 16 of 16 probes; the values of these probes are NaN.)",
        "~flag": "refused: the callable 'column_types.<locals>.<lambda>' failed on a batch of probes of shape (2,): AttributeError: 'numpy.ndarray' object has no attribute 'flag'",
        "categories that must be int": "refused: the callable 'column_types.<locals>.strict' failed on a batch of probes of shape (2,): AttributeError: 'numpy.ndarray' object has no "
        "attribute 'month'",
    },
    "2 side inputs": {
        "model_input by row": "OFF by 0.11",
        "model_input with meta[:8]": "refused: the model does not accept probes of shape (8, 8, 1): ValueError: In a nested call() argument, you cannot mix tensors and non-tensors. "
        "Received invalid mixed argument: in…",
        "side_inputs={'meta': …}": "refused: the model does not accept probes of shape (8, 8, 1): ValueError: Layer \"functional\" expects 2 named input(s) with keys ['image', 'meta'], "
        "but it received 1 input tensors…",
        "side_inputs of another length": "refused: ImageProbes: side_inputs['meta'] has shape (5, 3) for 8 probes; give one row per probe, by name as in the model, e.g. "
        "side_inputs={'meta': meta[:16]}.",
    },
    "3 stateful layers": {
        "default batch": "refused: ExplanationLogger: the model does not accept probes of shape (12, 2) (it takes (12, 2)): ValueError: If an RNN is stateful, the batch size of the "
        "input sequences must be…",
        "batch_size=8": "OFF by 0.00075",
        "training, batch_size=8": "TRAINING CHANGED by 0.002",
    },
    "4 word ids": {
        "default": "WRONG: absent stretches are 588.0 …, 11% of the SHAP values on padding",
        "baseline=0": "right: absent stretches are 0, 0% of the SHAP values on padding",
    },
    "5 class names": {"swapped": "ACCEPTED, names swapped", "as in classes_": "right"},
    "6 missing as signal": {
        "missing='refuse'": "refused: TabularProbes: background, row 6, 'feature 0' is nan; give finite numbers, or missing='baseline' to put the background's mean there.",
        "missing='baseline'": "OFF by 0.87",
        "missing='keep'": "refused: TabularProbes: unknown missing 'keep'; choose from ['refuse', 'baseline'].",
    },
    "7 many outputs": {"24 regression outputs": "WRONG: drift is NaN for 92% of probes"},
    "9 the probes' own array": {
        "x[:] = … later": "WRONG: the probes changed with the array",
        "an explainer writes into probes.inputs": "WRONG: an explainer wrote into the data",
    },
    "14 two heads": {
        "natural": "refused: ExplanationLogger: the model has 2 outputs; give a model with one output, e.g. keras.Model(model.inputs, one_output).",
        "model_output='kind'": "no such option ('model_output')",
        "model_output='size'": "no such option ('model_output')",
        "model_output='weight'": "no such option ('model_output')",
    },
    "15 shapes of outputs": {
        "a map": "refused: the model's output has shape (128, 8, 8, 1) for a batch of 128 probes; give a model with output (n,) or (n, classes).",
        "a map, model_output=mean": "no such option ('model_output')",
        "steps": "refused: the model's output has shape (64, 12, 1) for a batch of 64 probes; give a model with output (n,) or (n, classes).",
        "steps, model_output=last": "no such option ('model_output')",
        "(n, 1, 1)": "refused: the model's output has shape (128, 1, 1) for a batch of 128 probes; give a model with output (n,) or (n, classes).",
        "a reducer that returns text": "no such option ('model_output')",
    },
    "16 a GAN": {
        "natural": "refused: model 'gan' is not built; give its input shape (keras.Input), call it on one batch, or train it first. (says: ExplanationLogger: model 'gan' is not built before "
        "its first batch, so its untrained state is not explained; call it on one batch before fit, or give untrained=False.)",
        "model=lambda m: m.discriminator": "no such option ('model')",
        "model=lambda m: m.critic": "no such option ('model')",
    },
    "17 multi-label": {
        "multi-hot": "refused: TabularProbes: labels has shape (8, 3) but its rows are not one-hot; give class numbers or one-hot rows.",
        "multi-hot, by luck one-hot": "WRONG: labels are read as exclusive classes",
    },
    "18 whole regression targets": {
        "[250000, 310000]": "WRONG: targets are kept as class numbers",
        "[-3., 4.]": "refused: TabularProbes: label -3 is below 0; give class numbers from 0.",
    },
    "19 reconstruction error": {
        "natural": "refused: the model's output has shape (128, 8, 8, 1) for a batch of 128 probes; give a model with output (n,) or (n, classes).",
        "model_output=its error": "no such option ('model_output')",
    },
    "20 a long text": {
        "natural": "refused: TextProbes: text 0 has 360 tokens, and at most 200 can be explained; shorten it, or give tokenize= with larger pieces, e.g. sentences.",
        "repeated='one'": "right",
        "tokenize='sentences'": "refused: TextProbes: tokenize is str; give a callable that maps a text to its tokens.",
    },
    "21 sorted classes": {"arrays": "WRONG: [16, 0] of the two classes", "tf.data": "WRONG: [16, 0] of the two classes"},
    "23 a wrapper without call": {
        "natural": "refused: model 'wrapper' is not built; give its input shape (keras.Input), call it on one batch, or train it first. (says: ExplanationLogger: model "
        "'wrapper' is not built before its first batch, so its untrained state is not explained; call it on one batch before fit, or give untrained=False.)",
        "model=lambda m: m.network": "no such option ('model')",
    },
    "24 the head": {
        "own train_step, no loss": "OFF by 1.8",
        "the same, output='raw'": "right",
        "the same, head='regression'": "no such option ('head')",
        "the same, with labels": "read as class logits",
        "embeddings": "OFF by 0.94",
        "a sigmoid gate inside": "WRONG: head 'sigmoid'",
    },
    "25 named inputs": {
        "natural": "refused: the model does not accept probes of shape (4,): ValueError: Layer \"functional_30\" expects 4 named input(s) with keys ['a', 'b', 'c', 'd'], but it "
        "received 1 input tensor…",
        "columns in another order": "refused: the model does not accept probes of shape (4,): ValueError: Layer \"functional_30\" expects 4 named input(s) with keys ['a', 'b', 'c', "
        "'d'], but it received 1 input tensor…",
        "a column is missing": "refused: the model does not accept probes of shape (3,): ValueError: Layer \"functional_30\" expects 4 named input(s) with keys ['a', 'b', 'c', "
        "'d'], but it received 1 input tensor…",
        "model_input=dict of slices": "right",
        "words for a StringLookup": "refused: TabularProbes: columns of words can only be given to a callable that takes DataFrames; for a Keras model give codes.",
    },
    "26 batch and chance": {"rows mix": "OFF by 0.17", "noise in call": "WRONG: errors are 0"},
    "27 a counter": {"tf.Variable": "TRAINING CHANGED: weights by 0.00039, loss by 0.36"},
    "28 augmentation": {"call(x) without training": "right"},
    "29 lists": {
        "three images": "refused: ImageProbes: images has shape (3, 8, 8, 8, 1); give (n, H, W) or (n, H, W, C), exactly as the model takes them.",
        "two images": "refused: ImageProbes: images has shape (2, 8, 8, 8, 1); give (n, H, W) or (n, H, W, C), exactly as the model takes them.",
        "frames and a mask": "refused: the model does not accept probes of shape (12, 2): ValueError: Layer \"functional_34\" expects 2 named input(s) with keys ['frames', 'mask'], but it "
        "received 1 input tenso…",
        "a bag as one array": "refused: ImageProbes: images has shape (8, 3, 8, 8, 1); give (n, H, W) or (n, H, W, C), exactly as the model takes them.",
    },
    "30 when it is refused": {
        "built": "an error after 0 batches: ExplanationLogger: the model's output has shape (1024, 2, 2) for a batch of 1024 probes; g…",
        "unbuilt": "3 warnings, 16 batches trained: ExplanationLogger: at epoch 0: ValueError: the model's output has shape (1024, 2, 2) for a…",
    },
    "31 fractions": {
        "(n,) fractions, binary loss": "refused: ExplanationLogger: labels are 1 fraction per probe, but the model has 2 classes; give class numbers as labels, or one number for each "
        "output.",
        "(n, k) fractions, binary loss": "refused: ExplanationLogger: labels are 3 fractions per probe, but the model has 3 classes; give class numbers as labels, or one number for each "
        "output.",
        "a table of one column": "refused: TabularProbes: rows have 1 features; give 2 to 1000.",
    },
    "A state in other layers": {
        "training with a running mean": "training right",
        "order of the probes": "OFF by 0.021",
        "stateful bidirectional GRU, 6 probes, batch 4": "refused: ExplanationLogger: the model does not accept probes of shape (12, 2) (it takes (12, 2)): ValueError: If an RNN "
        "is stateful, the batch size of the input sequences must be…",
    },
    "B a polars frame": {"ordered categories, booleans": "refused: AttributeError: 'DataFrame' object has no attribute 'iloc'"},
    "C other counters": {
        "a Keras variable": "training right",
        "a tf.Variable in a closure": "TRAINING CHANGED: weights by 0.0024, loss by 0.21",
    },
    "D rows mix by statistics": {
        "BatchNormalization(training=True)": "OFF by 0.24",
        "its training": "training right",
        "a callable that ranks rows": "OFF by 0.37",
    },
    "E a fixed batch": {
        "default batch": "refused: the model does not accept probes of shape (5,) (it takes (5,)): ValueError: Cannot reshape a tensor with 6144 elements to shape [8,2,3] (48 elements) "
        "for '{{node map/whi…",
        "batch_size=8": "right",
        "3 probes": "right",
    },
    "F rounded ids": {
        "ids of 8 digits in a DataFrame": "refused: TabularProbes: 'user' has 20000000 and 20000001, which are the same number in float32; subtract an offset first, give codes 0, 1, …, or "
        "leave the column out.",
        "ids and mixed_float16": "OFF by 0.3",
    },
    "G distillation": {
        "natural": "refused: model 'distiller' is not built; give its input shape (keras.Input), call it on one batch, or train it first. (says: ExplanationLogger: model 'distiller' is "
        "not built before its first batch, so its untrained state is not explained; call it on one batch before fit, or give untrained=Fal…)",
        "model=lambda m: m.student": "no such option ('model')",
        "the same, head='logits'": "no such option ('model')",
    },
    "H a deep ensemble, nested outputs": {
        "natural": "refused: the model has 3 outputs; give a model with one output, e.g. keras.Model(model.inputs, one_output).",
        "model_output=1": "no such option ('model_output')",
        "model_output=their mean": "no such option ('model_output')",
        "a nested dict": "refused: the model has 2 outputs; give a model with one output, e.g. keras.Model(model.inputs, one_output).",
        "a nested dict, model_output=callable": "no such option ('model_output')",
    },
    "I datetimes and nullable types": {
        "all columns": "refused: TabularProbes: rows, column 'when' has values that are not numbers (dtype datetime64[us]); give numbers as the model takes them, "
        "categories as codes 0, 1, …, or give bot…",
        "without datetimes, missing='keep'": "refused: TabularProbes: unknown missing 'keep'; choose from ['refuse', 'baseline'].",
        "without NA": "refused: TabularProbes: rows, column 'when' has values that are not numbers (dtype datetime64[us]); give numbers as the model takes them, "
        "categories as codes 0, 1, …, or give bot…",
    },
    "J series with side scalars": {
        "natural": "refused: the model does not accept probes of shape (12, 2): ValueError: Layer \"functional_57\" expects 2 named input(s) with keys ['age', 'series'], "
        "but it received 1 input tensor…",
        "side_inputs={'age': …}": "refused: the model does not accept probes of shape (12, 2): ValueError: Layer \"functional_57\" expects 2 named input(s) with keys ['age', "
        "'series'], but it received 1 input tensor…",
        "ages as (n,)": "refused: the model does not accept probes of shape (12, 2): ValueError: Layer \"functional_57\" expects 2 named input(s) with keys ['age', "
        "'series'], but it received 1 input tensor…",
        "a name that no input has": 'refused: the model does not accept probes of shape (12, 2): ValueError: Layer "functional_57" expects 2 named input(s) with keys '
        "['age', 'series'], but it received 1 input tensor…",
    },
    "K cosine embeddings": {"natural": "right", "output='raw'": "right", "head='regression'": "no such option ('head')"},
    "L a hinge loss": {"labels -1 and 1": "refused: TabularProbes: label -1 is below 0; give class numbers from 0."},
}
