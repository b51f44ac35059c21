"""What configurations of servers may hold: as much as is written here of the originals' messages.

They are Triton's model_config.proto, and TensorFlow Serving's monitoring_config.proto and
session_bundle_config.proto, which no package for Python has. Names, types and nesting are the
original's; the numbers, which a text does not have, are not.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_MESSAGES = {
    "Reshape": ["repeated int64 shape"],
    "Tensor": ["string name", "DataType data_type", "repeated int64 dims", "Reshape reshape"],
    "Batching": ["repeated int32 preferred_batch_size", "uint64 max_queue_delay_microseconds"],
    "Latest": ["uint32 num_versions"],
    "VersionPolicy": ["Latest latest"],
    "WarmupInput": [
        "DataType data_type",
        "repeated int64 dims",
        "bool zero_data",
        "bool random_data",
        "string input_data_file",
    ],
    "Warmup": ["string name", "uint32 batch_size", "map WarmupInput inputs", "uint32 count"],
    "Parameter": ["string string_value"],
    "ModelConfig": [
        "string name",
        "string backend",
        "int32 max_batch_size",
        "VersionPolicy version_policy",
        "Batching dynamic_batching",
        "repeated Tensor input",
        "repeated Tensor output",
        "repeated Warmup model_warmup",
        "map Parameter parameters",
    ],
    "Number": ["int64 value"],
    "BatchingParameters": [
        "Number max_batch_size",
        "Number batch_timeout_micros",
        "Number max_enqueued_batches",
        "Number num_batch_threads",
    ],
    "Prometheus": ["bool enable", "string path"],
    "MonitoringConfig": ["Prometheus prometheus_config"],
}


def _make_pool():
    file = descriptor_pb2.FileDescriptorProto(name="servers.proto", package="servers")
    kinds = file.enum_type.add(name="DataType").value
    for number, name in enumerate(("TYPE_INVALID", "TYPE_UINT8", "TYPE_FP32", "TYPE_STRING")):
        kinds.add(name=name, number=number)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields, 1):
            *label, kind, field_name = field.split()
            if label == ["map"]:
                entry = message.nested_type.add(name=f"{field_name.capitalize()}Entry")
                entry.options.map_entry = True
                _add_field(entry, "string", "key", 1)
                _add_field(entry, kind, "value", 2)
                kind = f"{name}.{entry.name}"
            _add_field(message, kind, field_name, number, is_repeated=bool(label))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(message, kind, name, number, is_repeated=False):
    field = message.field.add(name=name, number=number)
    field.label = _Field.LABEL_REPEATED if is_repeated else _Field.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type_name = f".servers.{kind}"
        field.type = _Field.TYPE_ENUM if kind == "DataType" else _Field.TYPE_MESSAGE
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")


_pool = _make_pool()
ModelConfig, BatchingParameters, MonitoringConfig = (
    message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"servers.{name}"))
    for name in ("ModelConfig", "BatchingParameters", "MonitoringConfig")
)
