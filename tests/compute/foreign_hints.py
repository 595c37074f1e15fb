"""Names that courses and other libraries use, by the place that they are used in and the hint to give there.

An empty hint means none: there is nothing of the kind here, or not in this place.
"""

HINTS = {
    "call": {
        "matmul": "mm bmm mtimes", "dot": "Dot", "multiply": "mul times", "divide": "div true_divide",
        "subtract": "sub minus", "add": "plus", "negative": "neg", "power": "pow", "sum": "reduce_sum",
        "mean": "average avg reduce_mean", "max": "amax", "min": "amin", "reshape": "view",
        "flatten": "ravel", "expand_dims": "unsqueeze", "broadcast_to": "broadcast",
        "flip": "flipud", "where": "select_where", "one_hot": "onehot to_categorical",
        "sigmoid": "expit logistic Sigmoid sigmiod logsig", "tanh": "tansig Tanh", "relu": "ReLU poslin",
        "silu": "swish SiLU Swish", "leaky_relu": "LeakyReLU lrelu leakyrelu",
        "hardtanh": "Hardtanh", "clip": "clamp", "concat": "concatenate cat", "arcsin": "asin",
        "tile": "repmat", "remainder": "mod", "softmax": "sofmax Softmax sotfmax softmx",
        "log_softmax": "LogSoftmax logsoftmax", "exp": "exponential", "log": "ln natural_log",
        "abs": "fabs", "layer_norm": "LayerNorm layernorm LayerNormalization", "linear": "Dense dense fc",
        "batch_norm": "BatchNorm2d BatchNormalization", "max_pool2d": "MaxPool2d MaxPooling2D",
        "average_pool2d": "AvgPool2d avg_pool2d AveragePooling2D",
        "conv_transpose2d": "ConvTranspose2d Conv2DTranspose", "conv1d or conv2d": "conv convolution",
        "rnn": "SimpleRNN RNNCell", "lstm": "LSTMCell", "transpose": "T permute",
        "cross_entropy": "CrossEntropyLoss softmax_cross_entropy categorical_crossentropy xent",
        "binary_cross_entropy": "BCELoss bce BCEWithLogitsLoss BinaryCrossentropy",
        "mse": "MSELoss mean_squared_error", "mae": "L1Loss mean_absolute_error", "nll": "NLLLoss",
        "kl_divergence": "KLDivLoss kl_div", "huber": "HuberLoss", "smooth_l1": "SmoothL1Loss",
        "cosine": "CosineEmbeddingLoss cosine_similarity", "triplet": "TripletMarginLoss",
        "identity": "purelin",
        "": "cbrt exp2 tensordot kron cross svd conv3d max_pool3d Dropout2d erfc gamma CTCLoss rmse radbas"
        " lu chol fit backward item grad numpy tensor Sequential input print len range",
    },
    "operation": {
        "linear": "Dense torch.nn.Linear fully_connected nn.Linear tf.keras.layers.Dense",
        "self_attention": "MultiheadAttention MultiHeadAttention mha",
        "attention": "scaled_dot_product_attention atention",
        "activation": "relu ReLU GELU gelu sigmoid Softsign tanh", "feed_forward": "mlp FeedForward",
        "rotary_embedding": "rope RoPE", "vision_transformer": "ViT vit", "language_model": "gpt bert",
        "encoder_layer": "TransformerEncoderLayer", "encoder": "TransformerEncoder",
        "": "concat maximum sort adam program sgd log2 flatten",
    },
    "optimizer": {
        "gradient_descent": "sgd SGD gd GradientDescent stochastic_gradient_descent gradient_decent",
        "momentum": "sgdm heavy_ball momentun", "nesterov": "nag NAG nesterov_momentum", "adam": "Adam",
        "adamw": "AdamW", "rmsprop": "RMSprop RMSProp rmsporp", "adagrad": "Adagrad AdaGrad",
        "adadelta": "Adadelta", "nadam": "NAdam", "radam": "RAdam", "adamax": "Adamax",
        "amsgrad": "AMSGrad", "lion": "Lion", "rprop": "Rprop", "newton": "newton_raphson",
        "": "lbfgs LBFGS lamb lars ftrl Adafactor yogi asgd muon sag ada",
    },
    "optimizer adam": {
        "learning_rate": "lr alpha eta step_size learningrate learning_rat", "beta_1": "beta1 b1",
        "beta_2": "beta2 b2", "beta_1 and beta_2": "betas", "epsilon": "eps",
        "weight_decay": "wd weightdecay", "clip_norm": "clipnorm max_norm",
        "maximize": "maximize", "ema_decay": "ema_momentum", "groups": "param_groups",
        "": "momentum rho nesterov foreach gamma beta3",
    },
    "optimizer rmsprop": {
        "learning_rate or rho": "alpha", "centered": "centred", "": "beta_1 nesterov",
    },
    "schedule": {
        "step": "StepLR", "exponential": "ExponentialLR", "cosine": "CosineAnnealingLR cosine_decay cosin",
        "warm_up": "warmup", "inverse_square_root": "noam", "linear": "linear LinearLR",
        "one_cycle": "OneCycleLR", "reduce_on_plateau": "plateau ReduceLROnPlateau",
        "polynomial": "polynomial PolynomialLR",
        "multi_step": "MultiStepLR", "cosine_restarts": "CosineAnnealingWarmRestarts",
        "sequence": "SequentialLR", "": "cyclic",
    },
    "schedule step": {
        "factor": "gamma decay_rate", "size": "step_size", "": "last_epoch milestones",
    },
    "schedule cosine": {
        "steps": "T_max", "least": "eta_min", "": "gamma",
    },
    "field linear": {
        "w": "weight W kernel", "b": "bias", "x": "input inputs features", "": "units in_features",
    },
    "field conv2d": {
        "kernel": "weight filters filter W kernel_size", "stride": "strides", "padding": "pad pads",
        "dilation": "dilation_rate", "groups": "group feature_group_count", "x": "input image",
        "": "padding_mode in_channels output_padding",
    },
    "field max_pool2d": {
        "size": "kernel_size pool_size window_shape", "stride": "strides", "": "return_indices",
    },
    "field layer_norm": {
        "gain": "weight gamma scale", "bias": "beta", "epsilon": "eps", "axes": "normalized_shape",
        "axis": "dim", "": "elementwise_affine",
    },
    "field batch_norm": {
        "gain": "gamma weight", "running_variance": "running_var moving_variance",
        "running_mean": "moving_mean", "training": "train", "": "num_features affine",
    },
    "field self_attention": {
        "heads": "num_heads nhead", "mask": "attn_mask attention_mask", "causal": "is_causal",
        "w_q": "wq WQ Wq w_query q_proj", "w_q, w_k and w_v": "in_proj_weight", "w_o": "out_proj",
        "scale": "scael", "dropout_rate": "dropout dropout_p", "x": "input",
        "": "weight weights d_k embed_dim need_weights query",
    },
    "field attention": {
        "query": "q Q", "key": "K", "value": "v", "mask": "attn_mask", "": "weight w_q",
    },
    "field rnn": {
        "w_x": "weight_ih W_ih", "w_h": "weight_hh W_hh recurrent_kernel", "w_x and w_h": "weight",
        "b": "bias b_ih", "b_h": "b_hh", "h_0": "h0 hx initial_state", "activation": "nonlinearity",
        "direction": "bidirectional", "layers": "num_layers", "": "hidden_size units",
    },
    "field lstm": {
        "c_0": "c0", "lengths": "seq_lengths", "gate_activation": "recurrent_activation",
    },
    "field cross_entropy": {
        "logits": "y_pred input pred", "target": "y_true labels", "class_weights": "weight",
        "label_smoothing": "label_smooth", "": "from_logits",
    },
    "field binary_cross_entropy": {
        "logits or probabilities": "y_pred input", "positive_weight": "pos_weight", "weights": "weight",
        "": "from_logits",
    },
    "field mse": {
        "prediction": "y_pred y_hat input pred", "target": "y_true labels",
    },
    "field dropout": {
        "rate": "p prob", "": "keep_prob inplace",
    },
    "field embedding": {
        "weights": "weight table", "indices": "input ids", "padding_index": "padding_idx",
        "": "num_embeddings",
    },
    "field encoder": {
        "layers": "num_layers depth", "heads": "nhead", "d_ff": "dim_feedforward", "": "weight",
    },
    "field language_model": {
        "vocabulary": "vocab_size", "d_model": "hidden_size n_embd", "tokens": "input_ids",
    },
    "field vision_transformer": {
        "patch": "patch_size", "classes": "num_classes", "d_model": "embed_dim",
    },
    "field graph": {
        "program": "code", "parameters": "wrt params", "claims": "assert", "upstream": "grad_output",
        "arithmetic": "dtype", "jacobian": "jac", "inputs": "inptus variables",
    },
    "field optimizer/trace": {
        "steps": "iterations epochs", "start": "params", "loss": "objective", "gradients": "grads",
        "every": "print_every", "optimizer": "optimiser optimizr",
    },
    "value self_attention": {
        "weights": "weight attn_weights wieghts", "output": "out outptu", "scores": "scoers",
        "": "loss y gain",
    },
    "argument leaky_relu": {
        "slope": "negative_slope alpha",
    },
    "argument hardtanh": {
        "min_val": "min a_min", "max_val": "max",
    },
    "word activation function": {
        "identity": "linear purelin", "silu": "swish Swish", "relu": "ReLU", "exp": "exponential",
        "leaky_relu": "LeakyReLU lrelu", "sigmoid": "logistic sigmod", "": "softmax crelu",
    },
    "word mse reduction": {
        "mean": "average avg Mean", "none": "None no", "": "median batchmean",
    },
    "word conv2d mode": {
        "cross_correlation": "correlation xcorr cross-correlation", "": "full depthwise",
    },
    "word conv2d padding": {
        "same": "SAME", "valid": "VALID no_padding", "": "full causal reflect",
    },
    "word encoder norm_placement": {
        "pre": "pre_norm prenorm", "post": "post_norm",
    },
    "word linear weights": {
        "out_in": "pytorch torch", "in_out": "keras",
    },
    "word rnn direction": {
        "both": "bidirectional", "reverse": "backward",
    },
    "word rotary_embedding pairing": {
        "half_split": "neox", "interleaved": "gptj",
    },
    "names weights, weight_decay, hidden1, hidden2, loss": {
        "loss": "los_s", "weights": "Weights wieghts", "hidden1": "hiden1",
        "": "hidden3 hidden los gloss wait x.loss",
    },
    "names layer[0].attention.w_q, layer[0].attention.w_k, layer[0].attention.b_o": {
        "layer[0].attention.w_q": "layer[0].attention.q_proj layer[0].atention.w_q",
        "": "layer[1].attention.w_q layer[0].attention.w_z layer[0].w_q",
    },
    "argument mean": {
        "axis": "dim",
    },
}  # fmt: skip
