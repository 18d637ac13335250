import WeirSDK

/// The options of both outputs, as the host checks them.
enum Schemas {
  static let elasticsearch = OptionsSchema(properties: ownOfElasticsearch, common)
  static let openSearch = OptionsSchema(properties: ownOfOpenSearch, common)

  private static let ownOfElasticsearch: StaticString = """
    "index": {"type": "string", "default": "fluent-bit",
      "description": "index name; strftime with the time of writing, UTC"},
    "http_api_key": {"type": "string", "secret": true,
      "description": "key as Elasticsearch shows it, base64"},
    "cloud_id": {"type": "string", "description": "Elastic Cloud: NAME:BASE64"},
    "cloud_auth": {"type": "string", "secret": true,
      "description": "Elastic Cloud: USER:PASSWORD"},
    "upstream": {"type": "string", "description": "file with servers to take turns with"}
    """

  private static let ownOfOpenSearch: StaticString = """
    "index": {"type": "string", "default": "fluent-bit",
      "description": "index name; an accessor, or strftime with the time of writing"}
    """

  private static let common: StaticString = """
    "host": {"type": "string", "default": "127.0.0.1", "description": "server name or address"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 9200,
      "description": "its TCP port"},
    "type": {"type": "string", "default": "_doc", "description": "type name in action lines"},
    "suppress_type_name": {"type": "boolean", "default": "off",
      "description": "no type name: Elasticsearch 8 and later refuse it"},
    "http_user": {"type": "string", "description": "user of basic authentication"},
    "http_passwd": {"type": "string", "secret": true, "default": "",
      "description": "password of http_user"},
    "compress": {"type": "string", "enum": ["gzip"], "description": "compress request bodies"},
    "buffer_size": {"type": "string", "default": "512k",
      "description": "bytes of error texts kept of one reply; false for no limit"},
    "path": {"type": "string", "default": "", "description": "what stands before /_bulk"},
    "pipeline": {"type": "string", "description": "ingest pipeline"},
    "logstash_format": {"type": "boolean", "default": "off",
      "description": "an index per day: PREFIX-YYYY.MM.DD of the record's time"},
    "logstash_prefix": {"type": "string", "default": "logstash",
      "description": "what its name begins with"},
    "logstash_prefix_separator": {"type": "string", "default": "-",
      "description": "between prefix and date"},
    "logstash_prefix_key": {"type": "string",
      "description": "accessor whose value stands in for logstash_prefix"},
    "logstash_dateformat": {"type": "string", "default": "%Y.%m.%d",
      "description": "date of the name, as strftime writes it, UTC"},
    "time_key": {"type": "string", "default": "@timestamp", "description": "key of the time"},
    "time_key_format": {"type": "string", "default": "%Y-%m-%dT%H:%M:%S",
      "description": "the time as strftime writes it, UTC; .mmmZ follows"},
    "time_key_nanos": {"type": "boolean", "default": "off",
      "description": "nine digits of the second"},
    "include_tag_key": {"type": "boolean", "default": "off",
      "description": "put the tag into the record"},
    "tag_key": {"type": "string", "default": "flb-key", "description": "key of the tag"},
    "write_operation": {"type": "string", "enum": ["create", "index", "update", "upsert"],
      "default": "create", "description": "what to do with a document"},
    "generate_id": {"type": "boolean", "default": "off",
      "description": "an id made of where a record was read: storing it twice changes nothing"},
    "id_key": {"type": "string", "description": "accessor whose value becomes the id"},
    "replace_dots": {"type": "boolean", "default": "off",
      "description": "underscores for dots in keys"},
    "current_time_index": {"type": "boolean", "default": "off",
      "description": "the time of writing for index and time key"},
    "trace_output": {"type": "boolean", "default": "off", "description": "log what is sent"},
    "trace_error": {"type": "boolean", "default": "off",
      "description": "log replies that tell errors"},
    "aws_auth": {"type": "boolean", "default": "off", "description": "not part of this version"},
    "aws_region": {"type": "string", "no_effect": "it belongs to aws_auth",
      "description": "not part of this version"},
    "aws_sts_endpoint": {"type": "string", "no_effect": "it belongs to aws_auth",
      "description": "not part of this version"},
    "aws_role_arn": {"type": "string", "no_effect": "it belongs to aws_auth",
      "description": "not part of this version"},
    "aws_external_id": {"type": "string", "no_effect": "it belongs to aws_auth",
      "description": "not part of this version"},
    "aws_service_name": {"type": "string", "no_effect": "it belongs to aws_auth",
      "description": "not part of this version"},
    "aws_profile": {"type": "string", "no_effect": "it belongs to aws_auth",
      "description": "not part of this version"}
    """
}
