// The configurations of topics, as clients read and change them.

import LogStore
import Quantities

extension KafkaBroker {
    func describeConfigs(_ request: DescribeConfigsRequest) -> DescribeConfigsResponse {
        var response = DescribeConfigsResponse()
        response.results = request.resources.map { resource in
            var result = DescribeConfigsResponse.Result()
            (result.resourceType, result.resourceName, result.errorMessage) = (resource.resourceType, resource.resourceName, nil)
            let properties: [KafkaConfig]
            switch resource.resourceType {
            case 2:
                guard let topic = log.describeTopic(named: resource.resourceName) else {
                    result.errorCode = KafkaError.unknownTopicOrPartition.rawValue
                    result.errorMessage = "there is no topic '\(resource.resourceName)'"
                    return result
                }
                properties = KafkaConfig.of(topic.config)
            case 4 where resource.resourceName == "\(KafkaBroker.node)" || resource.resourceName.isEmpty:
                properties = KafkaConfig.ofBroker(options)
            default:
                result.errorCode = KafkaError.invalidRequest.rawValue
                result.errorMessage = "only topics and broker \(KafkaBroker.node) have configurations"
                return result
            }
            let keys = resource.configurationKeys.map { Set($0) }
            result.configs = properties.filter { keys?.contains($0.name) ?? true }.map { $0.entry(withSynonyms: request.includeSynonyms) }
            return result
        }
        return response
    }

    /// Sets one property. What is documented and has one value here stays as it is, which the log says: clients set such by habit.
    func set(_ name: String, to value: String, in config: inout TopicConfig, of topic: String) throws(Refusal) {
        if TopicConfig.propertyNames.contains(name) {
            do throws(LogError) { try config.set(name, to: KafkaConfig.logValue(name, value)) } catch { throw Refusal(.invalidConfig, error.message) }
        } else if let fixed = KafkaConfig.fixed[name] {
            if fixed != value { lines.warn("kafka_config", kind: name, "topic '\(topic)': '\(name)' stays \(fixed), asked for was '\(value)'") }
        } else {
            throw Refusal(.invalidConfig, "there is no topic configuration '\(name)'")
        }
    }

    // MARK: Changing

    /// Replaces all: what the request does not name has its standard value.
    func alterConfigs(_ request: AlterConfigsRequest) -> AlterConfigsResponse {
        var response = AlterConfigsResponse()
        response.responses = request.resources.map { resource in
            var answered = AlterConfigsResponse.Response()
            (answered.resourceType, answered.resourceName, answered.errorMessage) = (resource.resourceType, resource.resourceName, nil)
            do throws(Refusal) {
                try alter(resource.resourceType, resource.resourceName, isTrial: request.validateOnly) { _ throws(Refusal) in
                    var config = TopicConfig()
                    for entry in resource.configs {
                        guard let value = entry.value else { throw Refusal(.invalidRequest, "'\(entry.name)' has no value") }
                        try set(entry.name, to: value, in: &config, of: resource.resourceName)
                    }
                    return config
                }
            } catch {
                (answered.errorCode, answered.errorMessage) = (error.code.rawValue, error.message)
            }
            return answered
        }
        return response
    }

    func alterConfigs(_ request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
        var response = IncrementalAlterConfigsResponse()
        response.responses = request.resources.map { resource in
            var answered = IncrementalAlterConfigsResponse.Response()
            (answered.resourceType, answered.resourceName, answered.errorMessage) = (resource.resourceType, resource.resourceName, nil)
            do throws(Refusal) {
                try alter(resource.resourceType, resource.resourceName, isTrial: request.validateOnly) { before throws(Refusal) in
                    var config = before
                    for entry in resource.configs { try change(&config, entry, of: resource.resourceName) }
                    return config
                }
            } catch {
                (answered.errorCode, answered.errorMessage) = (error.code.rawValue, error.message)
            }
            return answered
        }
        return response
    }

    private func alter(
        _ type: Int8, _ name: String, isTrial: Bool, _ change: (TopicConfig) throws(Refusal) -> TopicConfig
    ) throws(Refusal) {
        guard type == 2, !name.isEmpty else { throw Refusal(.invalidRequest, "only the configurations of topics are changed by clients") }
        if options.isReserved(name) { throw Refusal(.topicAuthorizationFailed, "the topic belongs to Millrace") }
        do throws(LogError) { try checkTopicName(name) } catch { throw Refusal(.invalidTopic, error.message) }
        // As in Kafka, what is wrong by itself is said first, whether the topic is there or not.
        let config = try change(log.describeTopic(named: name)?.config ?? TopicConfig())
        do throws(LogError) { try config.check() } catch { throw Refusal(.invalidConfig, error.message) }
        let known = try changeable(name)
        if isTrial { return }
        do throws(LogError) { try log.alterTopic(known.id, config: config) } catch { throw Refusal(KafkaError(error), error.message) }
    }

    /// Sets, resets, or adds to and takes from a list.
    private func change(
        _ config: inout TopicConfig, _ entry: IncrementalAlterConfigsRequest.Resource.Config, of topic: String
    ) throws(Refusal) {
        let value = entry.value ?? ""
        if entry.value == nil, entry.configOperation != 1 { throw Refusal(.invalidRequest, "'\(entry.name)' has no value") }
        switch entry.configOperation {
        case 0: try set(entry.name, to: value, in: &config, of: topic)
        case 1:
            let standard = KafkaConfig.properties(of: TopicConfig()).first { $0.name == entry.name }?.value ?? KafkaConfig.fixed[entry.name]
            // What there is not has no value of its own: nothing is left to be done.
            if let standard { try set(entry.name, to: standard, in: &config, of: topic) }
        case 2, 3:
            guard let known = KafkaConfig.of(config).first(where: { $0.name == entry.name }) else {
                throw Refusal(.invalidConfig, "there is no topic configuration '\(entry.name)'")
            }
            guard known.isList else { throw Refusal(.invalidConfig, "'\(entry.name)' is no list") }
            let (before, words) = (known.value.split(separator: ","), value.split(separator: ","))
            let after = entry.configOperation == 2 ? before + words.filter { !before.contains($0) } : before.filter { !words.contains($0) }
            try set(entry.name, to: after.joined(separator: ","), in: &config, of: topic)
        default: throw Refusal(.invalidRequest, "there is no operation \(entry.configOperation)")
        }
    }
}
