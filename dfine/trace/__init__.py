"""What a network says and how it is read: records, histories, detections, and their forms for others and on disk."""
